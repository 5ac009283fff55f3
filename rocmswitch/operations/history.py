"""What was changed, and what became of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.deploy.backup import Vault
from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import NotFound, VerificationFailed
from rocmswitch.model.deployment import FileState, Generation
from rocmswitch.operations.remains import Check, survey
from rocmswitch.planning.drift import Outlook, judge
from rocmswitch.system.disk import Disk


@dataclass(frozen=True)
class History:
    """The generations that were asked for, oldest first; `unreadable` are the numbers of damaged records."""

    outlooks: tuple[Outlook, ...]
    unreadable: tuple[int, ...] = ()


def look(ledger: Ledger, word: str | None, disk: Disk, *, check: bool = False) -> History:
    """All generations, or those of a place or a number. *check* reads everything that was saved.

    Raises NotFound where *word* names none.
    """
    generations = ledger.generations()
    # One that was let go is no longer anybody's concern.
    damaged = [number for number in ledger.damaged() if not ledger.is_pruned(number)]
    chosen = {one.number for one in generations if word is None or _is_meant(one, word)}
    unreadable = tuple(one for one in damaged if word in (None, str(one)) and not ledger.is_pruned(one))
    if word is not None and not chosen and not unreadable:
        word = word[:80]
        missing = f"there is no generation {word}" if word.isdigit() else f"nothing was changed in `{word}`"
        raise NotFound(missing, hint="run `rocmswitch history`")
    whole = _checked_by(disk) if check else None
    outlooks = judge(generations, survey(ledger, generations, chosen, is_whole=whole))
    return History(tuple(one for one in outlooks if one.generation.number in chosen), unreadable)


def _is_meant(one: Generation, word: str) -> bool:
    place = one.intent.place
    if word in (place.name, str(one.number)):
        return True
    return "/" in word and os.path.realpath(word) in (place.resolved, os.path.realpath(place.folder))


def _checked_by(disk: Disk) -> Check:
    def is_whole(path: Path, state: FileState) -> bool:
        try:
            Vault(path.parent, disk).check(path.name, state)
        except (VerificationFailed, OSError):
            return False
        return True

    return is_whole
