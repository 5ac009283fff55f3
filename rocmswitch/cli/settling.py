"""A change that was broken off: taken back before another one, or only told of. Imported by quick commands."""

from __future__ import annotations

import os

from rocmswitch.cli import output
from rocmswitch.cli.main import Scopes
from rocmswitch.errors import VerificationFailed

WAIT = 10.0
"""Seconds to wait for another rocmswitch that changes something: a large file takes longer than others."""


def settle(scopes: Scopes, *, dry_run: bool = False) -> None:
    """Take back what was broken off, and say so, before anything is planned on what is there.

    With *dry_run* only say that it is pending; and to who may not write there, as in a store of another user or on
    a read-only disk. Raises Busy, MachineLacks.
    """
    from rocmswitch.store.private import may_write  # not at the top: `current` and `list` only tell

    if dry_run or not may_write(scopes.own.data):
        tell_pending(scopes)
        return
    from rocmswitch.cli import machine
    from rocmswitch.operations.scripts import mend_scripts
    from rocmswitch.store.installed import Installed

    if scopes.own.scratch.is_dir():
        from rocmswitch.store.scratch import sweep

        sweep(scopes.own.scratch, machine.disk())
    ledger = machine.ledger(scopes)
    intent = ledger.settle(wait=scopes.wait(WAIT))
    mend_scripts(scopes.own, Installed(scopes.searched), machine.disk())
    if intent is None:
        return
    from rocmswitch.model.printable import printable

    output.say(f"took back a change that was interrupted: {intent.verb} {printable(intent.place.name)}")
    left = [one for one in ledger.generations()[-1:] if one.interrupted and one.intent == intent]
    for one in left:
        output.say(f"not what somebody else has changed since: `rocmswitch history {one.number}` shows it")


def settle_anyway(scopes: Scopes) -> VerificationFailed | None:
    """As `settle`, but sets a journal aside that cannot be read. Gives the error to be raised in the end."""
    try:
        settle(scopes)
    except VerificationFailed as error:
        from rocmswitch.cli import machine

        aside = machine.ledger(scopes).set_aside(wait=scopes.wait(WAIT))
        settle(scopes)
        if aside is not None:
            return VerificationFailed(
                f"{error.message}, so nothing was taken back; all it has saved is kept",
                hint=f"run `rocmswitch history {aside.number}` for what may be half-changed",
            )
    return None


def tell_pending(scopes: Scopes) -> None:
    """One line where a change was broken off, for who only looks: costs one lstat where none was."""
    if os.path.lexists(scopes.own.open_journal) and not _is_being_made(scopes):
        output.say("a change was interrupted: `rocmswitch history` takes it back")


def _is_being_made(scopes: Scopes) -> bool:
    from rocmswitch.system.lock import is_held

    return is_held(scopes.own.locks / "changes.lock")
