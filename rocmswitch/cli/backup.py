"""rocmswitch backup"""

from __future__ import annotations

from pathlib import Path

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.driver_words import Word, change_words, check_no_root, root_option, settle_driver
from rocmswitch.cli.filenames import printable, text_only
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import settle
from rocmswitch.cli.system_option import system_option
from rocmswitch.cli.typed import own_line
from rocmswitch.operations import backup
from rocmswitch.operations.rootonly import check_root
from rocmswitch.planning.backup import Loss, PrunePlan


@click.group(epilog="Example: rocmswitch backup prune")
def command() -> None:
    """Let go of what was saved so that changes can be taken back."""


@command.command(short_help="Free what changes have saved.", epilog="Example: rocmswitch backup prune 3")
@click.argument("words", metavar="[N]...", nargs=-1, callback=change_words)
@root_option
@system_option
@click.option("--all", "everything", is_flag=True, help="Also the originals of what is deployed now.")
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
    says what cannot be brought back afterwards. `driver:N` is a change of `rocmswitch history driver`.
    """
    numbers = [word.number for word in words if word.number is not None]
    if words and everything:
        raise click.UsageError("numbers and '--all' exclude each other")
    if words and words[0].is_driver:
        check_root(own_line())
        settle_driver(scopes, root, dry_run=dry_run)
        stock = backup.Stock(machine.driver_ledger(root), ())
    else:
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
    for one in plan.losses:
        output.say(f"lets go of generation {one.number} ({_called(one)}):")
        for lost in one.lost:
            size = f" ({output.size(lost.size)})" if lost.size else ""
            output.say(f"    cannot be brought back: {printable(lost.what)}{size}")
        if not one.lost:
            output.say("    nothing is lost: what it saved is elsewhere, too")
    for tree in plan.orphans:
        output.say(f"removes {tree}, which no recorded change leads to")
    also = f"; {output.size(plan.shared)} more stay on the disk, which something else uses too"
    output.say(f"frees {output.size(plan.freed)}{also if plan.shared else ''}")


def _called(one: Loss) -> str:
    return printable(f"{one.verb} {one.place}, {one.created[:10]}, {one.state}") if one.verb else one.state
