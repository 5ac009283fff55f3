"""rocmswitch install"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from rocmswitch.cli import bundled, machine, output, planned, slimness
from rocmswitch.cli.gpu_choice import chosen_gpus, gpu_option
from rocmswitch.cli.install_locked import install_locked
from rocmswitch.cli.install_options import Options
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.nostack import check_is_stack
from rocmswitch.cli.progress import progress
from rocmswitch.cli.settling import settle
from rocmswitch.cli.source_options import accept_option, source_options
from rocmswitch.cli.system_option import is_shared, system_option, tell_shared
from rocmswitch.errors import NotFound, RocmswitchError, UsageMistake
from rocmswitch.host.libraries import HostLibraries
from rocmswitch.model.package import VERIFICATION_CLASSES, Digest
from rocmswitch.model.receipt import Receipt
from rocmswitch.model.source import SET_NAMES
from rocmswitch.operations import install
from rocmswitch.operations.building import Workshop
from rocmswitch.operations.resolving import Wish, check_required
from rocmswitch.operations.scripts import write_scripts
from rocmswitch.operations.tarball import accept_installed
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.naming import RECOMMENDED, resolve_name
from rocmswitch.planning.vouched import check_vouched
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.system.disk import Disk


@click.command(epilog="Example: rocmswitch install debian-5.2.3 --set compiler")
@click.argument("name", metavar="STACK", default="")
@click.option(
    "--set", "sets", multiple=True, type=click.Choice(SET_NAMES), help="What to install; repeat for more."
)
@click.option(
    "--locked",
    "lock",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Exactly what this rocmswitch.lock has; without FILE what was tested.",
)
@click.option("--require", type=click.Choice(VERIFICATION_CLASSES), help="Refuse what is checked by less.")
@click.option("--mirror", metavar="URL", help="Take a distribution's archive from here.")
@click.option("--allow-expired", is_flag=True, help="Accept an index whose Valid-Until has passed.")
@gpu_option
@source_options
@accept_option
@bundled.from_option
@system_option
@click.option("--own", is_flag=True, help="For yourself alone, also where all users share one.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the plan.")
@click.pass_obj
@click.pass_context
def command(context: click.Context, scopes: Scopes, /, name: str, lock: str | None, **chosen: Any) -> None:
    """Install the ROCm tree of STACK: a full name, a version such as 5.2 (the newest that fits), or `recommended`.

    Sets add up, also to those that are installed; runtime is always among them.
    """
    from_file = lock and is_file(lock)
    name = name or ("" if from_file else lock or "")
    options = Options(**chosen, locked=lock is not None)
    if lock and from_file:
        install_locked(scopes, name, lock, options)
    elif not name:
        raise click.MissingParameter(param=context.command.params[0], ctx=context)
    elif lock and lock != name:
        raise NotFound(f"there is no lock `{lock[:80]}`")
    else:
        install_named(scopes, name, options)


def is_file(word: str) -> bool:
    """Whether *word* after `--locked` is a lock, not the stack that is meant: it has a slash, or is there."""
    return "/" in word or word.endswith(".lock") or Path(word).is_file()


def install_named(scopes: Scopes, name: str, options: Options) -> None:
    """Plan, show, ask and install; or say that it is there. Raises whatever planning and installing raise."""
    if options.locked and options.accept:
        raise UsageMistake("`--accept` and a lock exclude each other: the lock says every hash")
    settle(scopes, dry_run=options.dry_run)
    catalog = machine.catalog(scopes)
    if name == RECOMMENDED and name not in catalog.names():
        name = _recommended(scopes)
    if name not in catalog.names():
        check_is_stack(name, Installed(scopes.searched))
    manifest = catalog.read(resolve_name(name, catalog.names()))
    if manifest.stack.name != name:
        output.say(f"{name} is {manifest.stack.name}")
    options = replace(options, gpus=chosen_gpus(options.gpu, manifest.stack.gpus))
    options = replace(options, source=bundled.source(scopes, manifest.stack.name, options.source))
    receipt = _receipt(scopes, manifest)
    there = _there(scopes, manifest, options)
    if there is not None:
        check_vouched(there.receipt, options.require)
        if options.accept and not options.dry_run:
            seen = machine.seen_tarballs(scopes.own)
            accept_installed(manifest.stack, there.receipt, Digest.sha256(options.accept), seen)
        _tell_there(scopes, there, options)
        return
    bundled.check_there(scopes, manifest.stack.name, options.sets)
    stages, workshop = Stages(), machine.workshop(scopes)
    with _ahead(scopes, manifest, options, receipt, workshop):
        plan = _plan(scopes, manifest, options, receipt, stages)
        bundled.tell(scopes, manifest.stack.name)
        _show(scopes, plan, options)
        if not options.dry_run:
            install.check_room(plan, scopes.own.cache, scopes.own.prefixes, machine.prefixes(scopes.own))
            output.agree("Install it?", yes=options.yes)
            bundled.adopt(scopes, manifest.stack.name)
            _execute(scopes, plan, workshop, stages)
    machine.report_timings(stages)


def _recommended(scopes: Scopes) -> str:
    """What `recommend` has first for this machine. Raises NotFound."""
    from rocmswitch.cli import recommended

    return recommended.first_stack(scopes)


def _there(scopes: Scopes, manifest: Manifest, options: Options) -> Installation | None:
    """The user's own prefix, or else the one for all users, where nothing is to be done."""
    layouts = (scopes.own,) if options.own else scopes.searched
    found = (Installed((layout,)).prefix(manifest.stack.name) for layout in layouts)
    return next((one for one in found if one and _is_there(scopes, manifest, options, one.receipt)), None)


def _tell_there(scopes: Scopes, there: Installation, options: Options) -> None:
    name, sets = there.receipt.name, ", ".join(there.receipt.sets)
    if there.layout == scopes.own and not options.dry_run:
        write_scripts(name, Installed((scopes.own,)), Disk())
    shared = "" if there.layout == scopes.own else ", for all users of this machine"
    output.say(f"{name} is installed already{shared} ({sets})")
    if options.as_json:
        output.write_json(None)


def _is_there(scopes: Scopes, manifest: Manifest, options: Options, receipt: Receipt | None) -> bool:
    """Nothing is to be done: all sets are there and, with `--locked`, in the very state that was tested.

    What the machine has lost since then is to be carried along, which is said.
    """
    if receipt is None or not install.is_there(manifest, options.sets, receipt, options.source, options.gpus):
        return False
    if options.accept and not any(one.sha256 == options.accept for one in receipt.packages):
        return False
    if options.locked and not install.is_as_tested(receipt, machine.lock(scopes, manifest.stack.name)):
        return False
    missing = install.missing_now(manifest, receipt, HostLibraries(), lambda: machine.lock(scopes, receipt.name))
    if missing:
        names = ", ".join(one.package for one in missing)
        output.say(f"{receipt.name} is installed, and this machine no longer has what it needs: {names}")
    return not missing


def _receipt(scopes: Scopes, manifest: Manifest) -> Receipt | None:
    one = Installed((scopes.own,)).prefix(manifest.stack.name)
    return one.receipt if one else None


@contextlib.contextmanager
def _ahead(
    scopes: Scopes, manifest: Manifest, options: Options, receipt: Receipt | None, workshop: Workshop
) -> Iterator[None]:
    """With `--yes`, and where there is a tested lock, its packages are fetched while the index is read."""
    plan = None
    if options.yes and not (options.dry_run or options.locked or options.accept):
        with contextlib.suppress(RocmswitchError):  # what is wrong with the forecast is wrong with the plan too
            forecast = _forecast(scopes, manifest, options, receipt)
            install.check_room(forecast, scopes.own.cache, scopes.own.prefixes, machine.prefixes(scopes.own))
            plan = forecast
    if plan is None or not plan.download_size:
        yield
        return
    done = "fetching" if scopes.supplies is None else "copying out of the bundle"
    output.say(f"while the index is read: {done} what was tested, {output.size(plan.download_size)}")
    with install.fetching_ahead(plan, workshop.downloads):
        yield


def _forecast(scopes: Scopes, manifest: Manifest, options: Options, receipt: Receipt | None) -> InstallPlan:
    wish = _wish(scopes, manifest, options, receipt)
    around = machine.surroundings(scopes.own, scopes.supplies)
    plan = install.plan_locked(manifest, install.from_its_source(manifest, wish, around), around)
    return install.without_shared(plan, machine.prefixes(scopes.own))


def _wish(scopes: Scopes, manifest: Manifest, options: Options, receipt: Receipt | None) -> Wish:
    wish = Wish(
        options.sets,
        mirror=machine.mirror(scopes, options.mirror),
        allow_expired=options.allow_expired,
        tested=machine.lock(scopes, manifest.stack.name),
        gpus=options.gpus,
        source=options.source,
        keys=options.keys,
        accepted=Digest.sha256(options.accept) if options.accept else None,
    )
    return install.with_installed(wish, receipt)


def _plan(
    scopes: Scopes, manifest: Manifest, options: Options, receipt: Receipt | None, stages: Stages
) -> InstallPlan:
    wish = _wish(scopes, manifest, options, receipt)
    around = machine.surroundings(scopes.own, scopes.supplies)
    if options.locked:
        plan = install.plan_locked(manifest, wish, around)
    else:
        with output.waiting(f"reading the package index of {manifest.stack.name}"):
            plan = install.plan(manifest, wish, machine.repositories(scopes.own, scopes.supplies), around, stages)
    check_required(plan, options.require or ("pinned" if options.locked or is_shared(scopes) else None))
    return install.without_shared(plan, machine.prefixes(scopes.own))


def _show(scopes: Scopes, plan: InstallPlan, options: Options) -> None:
    rooms = install.rooms(scopes.own.cache, scopes.own.prefixes)
    if options.as_json:
        output.write_json(planned.install_as_json(plan, rooms))
        return
    planned.show_install(plan, rooms, where=bundled.where(scopes))
    if options.dry_run:
        planned.list_packages(plan)


def _execute(scopes: Scopes, plan: InstallPlan, workshop: Workshop, stages: Stages) -> None:
    with progress(plan.download_size + plan.cached_size) as shown:
        receipt = install.execute(plan, workshop, shown, stages)
    output.say(f"installed {receipt.name}: {output.size(receipt.size)}, {scopes.own.prefixes / receipt.name}")
    slimness.say_saved(receipt)
    output.say(f"next: {_next(receipt, scopes.own.prefixes / receipt.name)}")
    if is_shared(scopes):
        tell_shared(scopes, receipt)


def _next(receipt: Receipt, prefix: Path) -> str:
    """What works now: not every stack has the program that lists cards."""
    folders = dict(receipt.activation.paths).get("PATH", ())
    listing = f"`rocmswitch run {receipt.name} -- rocminfo`, or "
    there = any((prefix / one / "rocminfo").exists() for one in folders)
    return f"{listing if there else ''}`rocmswitch use {receipt.name}`"
