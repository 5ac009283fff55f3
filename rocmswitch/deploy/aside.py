"""A journal that cannot be read, set aside: what its change has saved stays, and everything works again.

Nothing is taken back by it: what a damaged journal says is told, and never acted upon.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rocmswitch.deploy.journal import JournalFile, write_beside
from rocmswitch.deploy.records import Records
from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.journal import Fragments, Journal, read_fragments
from rocmswitch.model.deployment import Intent, Place
from rocmswitch.system.disk import Disk

KEPT = "journal"
"""What the damaged one is called in the folder of the generation that stands for it."""
_UNKNOWN = Intent("unknown", Place("scope", "unknown", "", "", 0, 0))


def set_aside(journal: JournalFile, records: Records, created: str, disk: Disk) -> int:
    """Let an interrupted generation without a step stand for it; its number, or 0 where none is needed.

    May be broken off anywhere, and begun again. Raises OSError, Failed for a journal of a newer version.
    """
    if not journal.is_open:
        return 0
    try:
        journal.read()
    except VerificationFailed:
        content = journal.content()
    else:
        return 0
    found, number = read_fragments(content), records.newest()
    if records.is_recorded(found.number):
        # It was complete, and only its journal had still to go.
        records.confirm(found.number)
        number = 0
    elif not _holds(records.folder(number) / KEPT, content):
        number = records.unrecorded() or number + 1
        folder = records.folder(number)
        if not folder.is_dir():
            records.begin(number)
        write_beside(folder / KEPT, content, 0o400, disk)
        records.commit(Journal(number, created, _intent(found, folder), (), interrupted=True))
    journal.discard()
    return number


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _intent(found: Fragments, folder: Path) -> Intent:
    known = found.intent or _UNKNOWN
    return Intent(known.verb, known.place, known.reason, notes=tuple(_notes(found, folder)))


def _notes(found: Fragments, folder: Path) -> Iterator[str]:
    yield f"its journal could not be read, so nothing was taken back; it is kept as {folder / KEPT}"
    for index, step in sorted(found.steps.items()):
        saved = folder / f"{index}.before"
        before = f"; what stood there before is saved as {saved}" if saved.is_file() else ""
        yield f"{step.root}/{step.path} may be old or new{before}"
        if step.temporary:
            yield f"{step.temporary} may lie beside it, and can be removed"
    if found.is_more:
        yield "it may have changed other files, too: the lines that say so are damaged"
        told = {f"{index}.before" for index in found.steps}
        for path in sorted(folder.glob("*.before")):
            if path.name not in told:
                yield f"what stood at one of them is saved as {path}"
