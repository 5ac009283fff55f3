"""A removal, shown, agreed to and carried out: `remove` and `venv remove`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from rocmswitch.cli import machine, output
from rocmswitch.cli.filenames import text_only
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.system_option import UNKNOWN_USERS
from rocmswitch.model.variables import ACTIVE
from rocmswitch.operations import remove
from rocmswitch.system.running import Process


@dataclass(frozen=True)
class Manner:
    """The options."""

    purge: bool
    yes: bool
    dry_run: bool
    as_json: bool


def carry_out(scopes: Scopes, removal: remove.Removal, how: Manner) -> None:
    """Show *removal*, ask, do it, and say how to leave where it is entered in this shell."""
    trees = (machine.venvs if removal.kind == "venv" else machine.prefixes)(scopes.own)
    ledger = machine.ledger(scopes)
    if how.purge or removal.purges:
        removal = remove.purged(removal, ledger)
    _show(removal)
    programs = remove.running(removal, trees)
    for program in programs:
        output.say(f"a program runs from it: {program.command} ({program.number})")
    if how.dry_run:
        _tell_programs(removal, programs, 0, how)
        return
    if removal.size is None or not removal.used_by:
        output.agree("Remove it?", yes=how.yes)
    done, left = remove.execute(removal, trees, ledger, machine.disk(), scopes.wait(remove.WAIT))
    for tree in left:
        output.say(f"programs still run from {tree}: the next change removes it")
    output.say(f"removed {removal.name}, recorded as generation {done.number}")
    if not removal.purges:
        output.say(f"back: `rocmswitch undo {done.number}`")
    if os.environ.get(ACTIVE) == removal.name:
        output.say("it is still entered in this shell: `rocmswitch use --off` leaves it")
    _tell_programs(removal, programs, done.number, how)


def _tell_programs(removal: remove.Removal, running: Sequence[Process], generation: int, how: Manner) -> None:
    """With `--json`, what went, or would go where *generation* is 0."""
    if not how.as_json:
        return
    told = {
        "name": removal.name,
        "kind": removal.kind,
        "path": str(removal.link),
        "size": removal.size,
        "linked": removal.linked,
        "shortcut": str(removal.shortcut or ""),
        "used_by": removal.used_by,
        "is_default": removal.is_default,
        "purges": removal.purges,
        "freed": removal.freed,
        "forgets": removal.forgets,
        "running": [{"number": one.number, "command": one.command} for one in running],
        "generation": generation or None,
    }
    output.write_json(text_only(told))


def _show(removal: remove.Removal) -> None:
    size = "damaged" if removal.size is None else output.size(removal.size)
    if removal.linked:
        output.say(f"removes the link {removal.link}; {removal.linked} stays as it is")
    else:
        output.say(f"removes {removal.link} ({size})")
    if removal.shortcut:
        output.say(f"removes {removal.shortcut}, which leads to it")
    for venv in removal.used_by:
        again = "; it works again when the stack is installed anew" if removal.size is None else ""
        output.say(f"still used by the environment {venv}{again}")
    if removal.layout.scope == "system" and removal.kind == "prefix":
        output.say(UNKNOWN_USERS)
    if removal.is_default:
        output.say("new shells enter it by default, and will enter nothing then")
    output.say(_the_way_back(removal))


def _the_way_back(removal: remove.Removal) -> str:
    """What brings it back, or that nothing does."""
    if not removal.purges:
        frees = f" until `rocmswitch backup prune` frees its {output.size(removal.freed)}" if removal.freed else ""
        return f"`rocmswitch undo` brings it back{frees}"
    frees = f"frees its {output.size(removal.freed)} at once, and " if removal.freed else ""
    others = ", ".join(map(str, removal.forgets))
    earlier = f", nor can what `rocmswitch history` lists as {others}" if removal.forgets else ""
    return f"{frees}cannot be undone{earlier}"
