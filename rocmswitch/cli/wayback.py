"""A way back, shown, agreed to and carried out: what `restore` and `undo` share."""

from __future__ import annotations

from collections.abc import Callable

from rocmswitch.cli import machine, output
from rocmswitch.cli.filenames import below, heading, text_only
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import settle
from rocmswitch.model.deployment import ABSENT, LINK, FileState, Generation
from rocmswitch.model.printable import printable
from rocmswitch.operations.access import Means
from rocmswitch.planning.undoing import Return, WayBack

WAIT = 60.0
"""Seconds to wait for another rocmswitch that changes files: a large library takes some."""
SHOWN = 20
"""Files that are shown one by one; `--json` has all."""


def means(scopes: Scopes, *, dry_run: bool) -> Means:
    """What a way back works on, after a change that was broken off was taken back."""
    settle(scopes, dry_run=dry_run)
    return Means(scopes.own, machine.ledger(scopes), machine.disk(), scopes.wait(WAIT))


def show(plan: WayBack, what: str = "") -> None:
    """*What* is done, each path, and where its bytes come from; on stderr."""
    roots = [one.root for one in plan.returns] or [plan.intent.place.resolved]
    if what:
        output.say(heading(what, plan.intent.place, roots))
    for one in plan.returns[:SHOWN]:
        output.say(f"  {below(roots, one.where)}: {_becomes(one)}")
    if len(plan.returns) > SHOWN:
        output.say(f"  and {len(plan.returns) - SHOWN} more")
    for path in plan.done[:SHOWN]:
        output.say(f"  {below(roots, path)}: is as it was before already")
    for note in plan.notes:
        output.say(f"note: {printable(note)}")


def as_json(plan: WayBack, done: Generation | None = None) -> object:
    """The plan, and the number of the generation that it has become."""
    return text_only({**plan.as_json(), "generation": done.number if done else None})


def finish(execute: Callable[[], Generation], question: str, done: str, *, yes: bool) -> Generation:
    """Ask, do it, say what is *done* and how to have it back."""
    output.agree(question, yes=yes)
    generation = execute()
    output.say(f"{done}, recorded as generation {generation.number}")
    output.say(f"back: `rocmswitch undo {generation.number}`")
    return generation


def _becomes(one: Return) -> str:
    if one.then.kind == ABSENT:
        return "is removed, as nothing was there before"
    if one.then.kind == LINK:
        return f"leads to {printable(one.then.target)} again"
    return f"what generation {one.generation} has saved, {_size(one.then)}"


def _size(state: FileState) -> str:
    return output.size(state.size)
