"""rocmswitch driver"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.driver_words import DRIVER, driver_words, going_on, root_option, settle_driver, tell_lacks
from rocmswitch.cli.filenames import text_only
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.typed import own_line
from rocmswitch.model.printable import printable
from rocmswitch.model.snapshot import BY_USER
from rocmswitch.operations import driver, drivercopies, parameters, snapshot
from rocmswitch.operations.drivercopies import Shelf, Taken
from rocmswitch.operations.parameters import Change, Done
from rocmswitch.operations.rootonly import check_mounted, check_root, option_of
from rocmswitch.planning.parameters import CONF, ParameterPlan, parse_words


@click.group(epilog="Example: rocmswitch driver status")
def command() -> None:
    """What each kernel would load of amdgpu, and its options."""


@command.command("status", epilog="Example: rocmswitch driver status --root /mnt")
@root_option
@click.option("--json", "as_json", is_flag=True, help="For programs: all that was seen.")
@click.pass_obj
def status(scopes: Scopes, root: Path, as_json: bool) -> None:
    """Say for every installed kernel which amdgpu it would load.

    And from where, whose it is, and what else has a say in it. Looks at files alone, so no kernel has to run, and
    changes nothing. Without root it says what it could not read. `rocmswitch doctor` judges, and `rocmswitch
    recover` mends.
    """
    from rocmswitch.cli.driver_status import show, show_taken

    system = driver.look(root)
    settle_driver(scopes, root, dry_run=True)
    taken = _taken(root)
    if as_json:
        output.write_json(text_only({**asdict(system), "kept": asdict(taken) if taken else None}))
    else:
        show(system)
        show_taken(taken, root)


def _taken(root: Path) -> Taken | None:
    """None where that is not for this user's eyes."""
    try:
        return drivercopies.taken(Shelf(root, machine.driver_snapshots(root), machine.disk()))
    except PermissionError:
        return None


@command.command("snapshot", epilog="Example: rocmswitch driver snapshot")
@root_option
@click.option("--json", "as_json", is_flag=True, help="For programs: its number and its files.")
@click.pass_obj
def make_snapshot(scopes: Scopes, root: Path, as_json: bool) -> None:
    """Copy what the kernels would load, and all that decides it.

    The modules of all kernels, their settings, DKMS sources and boot images, as they are now. `rocmswitch recover`
    brings them back from there, and so does the recover.sh that lies beside them, without Python. Where the newest
    snapshot holds the same already, none is made.
    """
    check_root(own_line())
    system = driver.look(root)
    check_mounted(root)
    driver.check_changeable(system, with_images=False)
    wait = scopes.wait(snapshot.WAIT)
    with driver_words(root):
        taken = snapshot.take(system, machine.driver_snapshots(root), BY_USER, machine.disk(), wait=wait)
    _tell_taken(taken, root)
    if as_json:
        one = taken.snapshot
        about = {"number": one.number, "created": one.created, "is_new": taken.is_new, "notes": list(taken.notes)}
        files = [{"path": file.path, "sha256": file.state.sha256, "size": file.state.size} for file in one.files]
        output.write_json(text_only({**about, "files": files}))


@command.command("set", epilog="Example: rocmswitch driver set amdgpu.mtype_local=1")
@click.argument("words", nargs=-1, required=True, metavar="MODULE.PARAMETER=VALUE...")
@root_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the plan.")
@click.pass_obj
def set_parameters(
    scopes: Scopes, words: tuple[str, ...], root: Path, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Set parameters of amdgpu from the next boot on.

    Or of a module that belongs to it. It goes into a file of its own in modprobe.d and, where boot images hold
    settings, into those. A snapshot is made first, and `rocmswitch undo driver` takes it back.
    """
    _change("set", scopes, words, root, yes=yes, dry_run=dry_run, as_json=as_json)


@command.command("unset", epilog="Example: rocmswitch driver unset amdgpu.mtype_local")
@click.argument("words", nargs=-1, required=True, metavar="MODULE.PARAMETER...")
@root_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the plan.")
@click.pass_obj
def unset_parameters(
    scopes: Scopes, words: tuple[str, ...], root: Path, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Take away what `rocmswitch driver set` has set. What other files set stays."""
    _change("unset", scopes, words, root, yes=yes, dry_run=dry_run, as_json=as_json)


def _change(
    verb: str, scopes: Scopes, words: tuple[str, ...], root: Path, *, yes: bool, dry_run: bool, as_json: bool
) -> None:
    wishes = parse_words(words, is_set=verb == "set")
    if not dry_run:
        check_root(own_line())
    system = driver.look(root)
    check_mounted(root)
    settle_driver(scopes, root, dry_run=dry_run)
    ledger = machine.driver_ledger(root)
    tools = parameters.Tools(ledger, machine.driver_snapshots(root), machine.disk(), scopes.wait(snapshot.WAIT))
    with driver_words(root):
        change = parameters.plan(system, verb, wishes, ledger)
        _show(change.plan, root)
        done = None
        if not dry_run and not change.plan.is_empty:
            driver.check_changeable(system, with_images=bool(change.plan.images))
            output.agree("Change it?", yes=yes)
            with going_on("the same command does the rest"):
                done = parameters.execute(change, system, tools, lambda text: output.say(printable(text)))
    if as_json:
        number = done.generation.number if done and done.generation else None
        output.write_json(text_only({**change.plan.as_json(), "generation": number}))
    if done is not None:
        _tell(change, done, root)


def _show(plan: ParameterPlan, root: Path) -> None:
    """What our file will say, what for, and what the user may not expect; on stderr."""
    if plan.is_empty:
        output.say(f"`{root / CONF}` says so already, and no boot image has to be made anew")
    elif plan.before == plan.after:
        output.say(f"`{root / CONF}` says so already")
    elif plan.after:
        output.say(f"{'changes' if plan.before else 'makes'} {printable(str(root / CONF))}:")
        for line in plan.after.splitlines():
            output.say(f"  {line}")
    else:
        output.say(f"removes {printable(str(root / CONF))}, which would set nothing any more")
    if plan.images:
        output.say(f"makes the boot images of {', '.join(plan.images)} anew, as they hold the settings, too")
    for note in plan.notes:
        output.say(f"note: {printable(note)}")


def _tell(change: Change, done: Done, root: Path) -> None:
    """What was done, when it counts, and the way back. Raises VerificationFailed where something is left."""
    _tell_taken(done.taken, root)
    for line in done.renewed.done:
        output.say(printable(line))
    if done.generation is not None:
        output.say(f"recorded as generation {done.generation.number}; it counts from the next boot on")
        output.say(f"back: `rocmswitch undo {DRIVER}:{done.generation.number}{option_of(root)}`")
    tell_lacks(done.renewed.lacks)


def _tell_taken(taken: snapshot.Taken, root: Path) -> None:
    one = taken.snapshot
    if taken.is_new:
        size = output.size(sum(file.state.size for file in one.files))
        folder = machine.driver_snapshots(root).folder(one.number)
        output.say(f"snapshot {one.number}: {len(one.files)} files, {size}, in {printable(str(folder))}")
    else:
        output.say(f"snapshot {one.number} of {one.created[:10]} holds all this already")
    for note in taken.notes:
        output.say(f"note: {printable(note)}")
