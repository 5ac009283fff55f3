"""rocmswitch recover"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.driver_words import driver_words, going_on, root_option, settle_driver
from rocmswitch.cli.filenames import text_only
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.recovery_words import as_json, show_outcome, show_plan
from rocmswitch.cli.typed import own_line
from rocmswitch.errors import Refused, VerificationFailed
from rocmswitch.model.printable import printable
from rocmswitch.model.recovery import Disable
from rocmswitch.operations import recover
from rocmswitch.operations.recover import Infirmary, Outcome, Recovery
from rocmswitch.operations.rootonly import check_root
from rocmswitch.planning.obstacles import obstacles
from rocmswitch.planning.recovery import Wishes

WAIT = 120.0
"""Seconds to wait for another rocmswitch: boot images take their time."""


@click.command(epilog="Example: rocmswitch recover --root /mnt")
@root_option
@click.option(
    "--apply", "is_applied", is_flag=True, help="Do it. Without it, only say what is wrong and what helps."
)
@click.option("--yes", is_flag=True, help="Consent to disabling files of yours, and to scripts of packages.")
@click.option("--kernel", "kernels", multiple=True, metavar="RELEASE", help="Only this kernel, as in lib/modules.")
@click.option(
    "--package",
    "packages",
    multiple=True,
    type=click.Path(resolve_path=True, readable=False, path_type=Path),
    metavar="FILE",
    help="Take what is missing out of this package, from a stick for instance.",
)
@click.option(
    "--rebuild", is_flag=True, help="Build DKMS modules anew, from the sources that their package brought."
)
@click.option("--in-tree", is_flag=True, help="Use the kernels' own modules, also in place of sound ones of DKMS.")
@click.option("--json", "is_json", is_flag=True, help="For programs: what is wrong, the plan, and what was done.")
@click.pass_obj
def command(
    scopes: Scopes,
    root: Path,
    is_applied: bool,
    yes: bool,
    kernels: tuple[str, ...],
    packages: tuple[Path, ...],
    rebuild: bool,
    in_tree: bool,
    is_json: bool,
) -> None:
    """Bring a machine back from a bad kernel module: say what is wrong, and with --apply mend it.

    Looks at every kernel that is installed, also of a system that is only mounted (--root). Takes the module of a
    snapshot, of DKMS's archive or of the kernel's very package, whichever is the first that can be vouched for;
    writes the index and the boot images anew, and looks whether all is right then. Never loads or unloads a module.
    """
    root = _running(root)
    wishes = Wishes(rebuild=rebuild, in_tree=in_tree, kernels=frozenset(kernels) or None)
    infirmary = Infirmary(
        root,
        machine.driver_ledger(root),
        machine.driver_snapshots(root),
        packages,
        machine.disk(),
        scopes.wait(WAIT),
    )
    settle_driver(scopes, root, dry_run=not is_applied or os.geteuid() != 0)
    with output.waiting("looking at kernels, modules and boot images"):
        recovery = recover.plan(infirmary, wishes)
    show_plan(recovery, talk=is_applied or is_json)
    outcome = _carried_out(recovery, infirmary, yes=yes) if is_applied else None
    if is_json:
        output.write_json(text_only(as_json(recovery, outcome)))
    _end(recovery, outcome, is_applied=is_applied)


def _running(root: Path) -> Path:
    """`/` where *root* is that, by another name."""
    if root != Path("/") and root.samefile("/"):
        output.say(f"`{printable(str(root))}` is the system that runs: it is treated as `/`")
        return Path("/")
    return root


def _carried_out(recovery: Recovery, infirmary: Infirmary, *, yes: bool) -> Outcome | None:
    """None where nothing can be done but, for root, what a recovery has left that was cut off at its end."""
    if recovery.plan.is_empty:
        if recovery.plan.lacks:
            recover.check_possible(recovery.system)
        if os.geteuid() == 0:
            recover.tidy(recovery, infirmary)
        return None
    check_root(own_line())
    recover.check_possible(recovery.system)
    agreed = _agreed(recovery, yes=yes)
    with driver_words(infirmary.root), going_on("the same command does the rest"):
        outcome = recover.execute(agreed, infirmary, lambda text: output.say(printable(text)))
    show_outcome(outcome, infirmary.root)
    return outcome


def _agreed(recovery: Recovery, *, yes: bool) -> Recovery:
    """With what the user consents to: asked on a terminal one by one, else only with --yes."""
    asked = [one for one in recovery.plan.files if isinstance(one, Disable) and one.needs_consent]
    agreed = {one.path for one in asked if _consents(f"Disable `/{one.path}`: {one.reason}?", yes=yes)}
    scripts = bool(recovery.plan.configure) and _consents(
        "Let `dpkg --configure -a` end the broken installation? It runs scripts of packages", yes=yes
    )
    return recovery.agreed(frozenset(agreed), runs_scripts=scripts)


def _consents(question: str, *, yes: bool) -> bool:
    if not yes and not sys.stdin.isatty():
        return False
    try:
        output.agree(printable(question), yes=yes)
    except Refused:
        return False
    return True


def _end(recovery: Recovery, outcome: Outcome | None, *, is_applied: bool) -> None:
    """Raise what decides the exit code, where not all is well."""
    if outcome is None:
        if recovery.is_well and not recovery.plan.lacks:
            return
        if is_applied or recovery.plan.is_empty:
            raise VerificationFailed("something is wrong that cannot be mended here")
        told = "something is wrong" if recovery.left else "something may be wrong"
        first = next((lack.remedy for _, lack in obstacles(recovery.system)), "")
        line = f"{own_line()} --apply"
        raise VerificationFailed(
            f"{told}, and nothing was changed",
            hint=f"{first}" if first else f"run `{line if os.geteuid() == 0 else f'sudo {line}'}`",
        )
    if not sys.stdin.isatty() and _waits_for_consent(recovery, outcome):
        raise Refused("something is left that needs your consent", hint="run the same command with `--yes`")
    if outcome.is_well:
        return
    raise VerificationFailed("not everything could be mended")


def _waits_for_consent(recovery: Recovery, outcome: Outcome) -> bool:
    """Whether files that were not to be disabled, or scripts that were not to be run, are still there."""
    unasked = [one for one in recovery.plan.files if isinstance(one, Disable) and one.needs_consent]
    left = {one.path for one in outcome.after.system.settings}
    scripts = bool(outcome.after.plan.configure) and not outcome.before.runs_scripts
    return any(one.path in left for one in unasked) or scripts
