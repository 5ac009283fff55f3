"""A way back, shown, agreed to and carried out: what `restore` and `undo` share."""

from __future__ import annotations

import json
from collections.abc import Callable

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import settle
from rocmswitch.model.deployment import ABSENT, LINK, FileState, Generation
from rocmswitch.operations.returning import Yard
from rocmswitch.planning.undoing import Return, WayBack

WAIT = 60.0
"""Seconds to wait for another rocmswitch that changes files: a large library takes some."""
SHOWN = 20
"""Files that are shown one by one; `--json` has all."""


def yard(scopes: Scopes, *, dry_run: bool) -> Yard:
    """What a way back works on, after a change that was broken off was taken back."""
    settle(scopes, dry_run=dry_run)
    return Yard(scopes.own, machine.ledger(scopes), machine.disk(), scopes.wait(WAIT))


def show(plan: WayBack) -> None:
    """Each path, and where its bytes come from; on stderr."""
    for one in plan.returns[:SHOWN]:
        output.say(f"  {printable(one.where)}: {_becomes(one)}")
    if len(plan.returns) > SHOWN:
        output.say(f"  and {len(plan.returns) - SHOWN} more")
    for path in plan.done[:SHOWN]:
        output.say(f"  {printable(path)}: is as it was before already")
    for note in plan.notes:
        output.say(f"note: {printable(note)}")


def as_json(plan: WayBack, done: Generation | None = None) -> object:
    """The plan, and the number of the generation that it has become."""
    return text_only({**plan.as_json(), "generation": done.number if done else None})


def finish(plan: WayBack, execute: Callable[[], Generation], question: str, *, yes: bool) -> Generation:
    """Ask, do it, and say how to have it back."""
    output.agree(question, yes=yes)
    done = execute()
    count = len(plan.returns)
    output.say(
        f"done: {count} file{'s' if count != 1 else ''}, generation {done.number}; "
        f"`rocmswitch undo {done.number}` takes that back"
    )
    return done


def printable(text: str) -> str:
    """A terminal's control characters, and bytes that are no text, may stand in the names of files."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def text_only(value: object) -> object:
    """Names of files may hold bytes that are no text, and JSON is text."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _becomes(one: Return) -> str:
    if one.then.kind == ABSENT:
        return "goes: nothing was there before"
    if one.then.kind == LINK:
        return f"leads to {printable(one.then.target)} again"
    return f"what generation {one.generation} has saved, {_size(one.then)}"


def _size(state: FileState) -> str:
    return output.size(state.size)
