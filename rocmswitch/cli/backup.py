"""rocmswitch backup"""

from __future__ import annotations

from pathlib import Path

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.driver_prune import prune_driver
from rocmswitch.cli.driver_words import Word, change_words, check_no_root, root_option
from rocmswitch.cli.filenames import text_only
from rocmswitch.cli.losses import show_bytes, show_losses
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import settle
from rocmswitch.cli.system_option import system_option
from rocmswitch.cli.typed import own_line
from rocmswitch.operations import backup
from rocmswitch.operations.rootonly import check_root
from rocmswitch.planning.backup import PrunePlan


@click.group(epilog="Example: rocmswitch backup prune")
def command() -> None:
    """Let go of what was saved so that changes can be taken back."""


@command.command(short_help="Free what changes have saved.", epilog="Example: rocmswitch backup prune 3")
@click.argument("words", metavar="[N | driver[:N]]...", nargs=-1, callback=change_words)
@root_option
@system_option
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also the originals of what is deployed now; of `driver`, all but the newest way back.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be lost.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the plan.")
@click.pass_obj
def prune(
    scopes: Scopes,
    /,
    words: tuple[Word, ...],
    root: Path,
    everything: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Free what the changes N have saved, as `rocmswitch history` numbers them.

    Without a number: what was removed, and what was saved by changes that are taken back or overtaken. First it
    says what cannot be brought back afterwards. `driver` means the kernel modules: with their changes, snapshots
    that nothing needs any more and boot images from before. `driver:N` is a change of `rocmswitch history driver`.
    """
    numbers = [word.number for word in words if word.number is not None]
    if numbers and everything:
        raise click.UsageError("numbers and '--all' exclude each other")
    if words and words[0].is_driver:
        check_root(own_line())
        prune_driver(scopes, numbers, root, everything=everything, yes=yes, dry_run=dry_run, as_json=as_json)
        return
    check_no_root(root)
    settle(scopes, dry_run=dry_run)
    stock = backup.Stock(machine.ledger(scopes), (machine.prefixes(scopes.own), machine.venvs(scopes.own)))
    plan = backup.plan(stock, numbers, everything=everything)
    if as_json:
        output.write_json(text_only(plan.as_json()))
    else:
        _show(plan)
    if dry_run or not (plan.losses or plan.orphans):
        return
    output.agree("Let go of it, for good?", yes=yes)
    for tree in backup.execute(plan, stock, scopes.wait(backup.WAIT)):
        output.say(f"{tree} stays as yet: a program runs from it, or another rocmswitch works on it")
    output.say(f"freed {output.size(plan.freed)}")


def _show(plan: PrunePlan) -> None:
    if not (plan.losses or plan.orphans):
        output.say("nothing was saved that could be let go of")
        return
    show_losses(plan)
    show_bytes(plan.freed, plan.shared)
