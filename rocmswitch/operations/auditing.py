"""The facts about recorded changes that `doctor` judges. Quick: large files are not read."""

from __future__ import annotations

import os
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.model.symptoms import ChangeSymptoms, LedgerSymptoms
from rocmswitch.operations.remains import QUICK, deployed_in, survey
from rocmswitch.planning.drift import Outlook, judge
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk
from rocmswitch.system.lock import is_held

CHANGES = "changes.lock"
"""The lock of a ledger."""


def audit(layout: Layout, disk: Disk, folder: str = "") -> LedgerSymptoms:
    """What is wrong with the changes of a scope, or of the place *folder*. Changes nothing, and takes no lock."""
    ledger = Ledger(layout, disk)
    if ledger.is_private:
        return LedgerSymptoms(str(layout.backups))
    generations = ledger.generations()
    numbers = {one.number for one in generations}
    outlooks = judge(generations, survey(ledger, generations, numbers, limit=QUICK))
    unreadable = tuple(number for number in ledger.damaged() if not ledger.is_pruned(number))
    changes = (one for one in outlooks if one.remedies and folder in ("", one.generation.intent.place.folder))
    # While a change is being made its journal is open too.
    interrupted = ledger.is_interrupted and not is_held(layout.locks / CHANGES)
    return LedgerSymptoms(str(layout.backups), interrupted, unreadable, tuple(map(_told, changes)))


def deployed_as_put(tree: Path, layout: Layout, disk: Disk, *, reading: bool = False) -> dict[str, int]:
    """What deployments in force have put below *tree*, or what it leads to, and is there: paths with their numbers.

    *reading* does not trust lstat. What another user has deployed is not told.
    """
    real, ledger = Path(os.path.realpath(tree)), Ledger(layout, disk)
    found = deployed_in(real, () if ledger.is_private else ledger.generations(), reading=reading)
    return {path: number for path, (number, is_as_put) in found.items() if is_as_put}


def _told(one: Outlook) -> ChangeSymptoms:
    intent = one.generation.intent
    return ChangeSymptoms(
        one.generation.number,
        intent.verb,
        one.state,
        intent.place.name,
        intent.place.folder,
        one.files,
        one.remedies,
        one.detail,
    )
