"""Taking back a change that was broken off: by what stands there, not by how far the change is said to have come.

It may be broken off itself at any point and begun again: what stands there as before is left as it is.
"""

from __future__ import annotations

import enum

from rocmswitch.deploy.backup import Vault
from rocmswitch.deploy.folders import Folders, is_same_file
from rocmswitch.errors import NotFound, Refused, VerificationFailed
from rocmswitch.metadata.journal import Journal, Ready, Touched
from rocmswitch.model.deployment import ABSENT, Seen
from rocmswitch.system.disk import Disk
from rocmswitch.system.folder import Folder


class _Standing(enum.Enum):
    """What stands at a path, as far as a change is concerned."""

    AS_BEFORE = enum.auto()
    """Or as somebody else put it before anything of ours came there."""
    OURS = enum.auto()
    FOREIGN = enum.auto()


def roll_back(journal: Journal, folders: Folders, vault: Vault, disk: Disk) -> tuple[int, ...]:
    """Let every path hold again what stood there before; when this returns, the disk has it.

    Returns the numbers of the steps that were left alone: what stands there is neither what stood there before nor
    what was put, or the way there is gone, or what was saved of it is damaged. Raises OSError.
    """
    alone = []
    for index in reversed(range(len(journal.steps))):
        ready = journal.ready[index] if journal.ready else None
        if not _take_back(journal.steps[index], ready, folders, vault, disk):
            alone.append(index)
    for folder in folders.held():
        disk.sync_folder(folder)
    return tuple(sorted(alone))


def _take_back(step: Touched, ready: Ready | None, folders: Folders, vault: Vault, disk: Disk) -> bool:
    """Whether nothing of ours stands at the path any more; what lay beside it is gone, too."""
    if not step.temporary:
        return True
    try:
        folder, name = folders.of(step.root, step.path)
    except NotFound:
        return ready is None or ready.before.kind == ABSENT
    except Refused:
        return ready is None
    beside = f"{step.temporary}.old"
    standing = _Standing.AS_BEFORE if ready is None else _standing(step, ready, folder, name)
    if ready is not None and standing is _Standing.OURS:
        _discard(folder, beside, disk)
        standing = _put_back(ready, folder, name, beside, vault, disk)
    for left in (beside, step.temporary):
        _discard(folder, left, disk)
    return standing is _Standing.AS_BEFORE


def _standing(step: Touched, ready: Ready, folder: Folder, name: str) -> _Standing:
    """Reads the file only where its inode, size and times do not tell."""
    try:
        now = folder.seen(name)
        if is_same_file(now, step.seen) or _still_beside(step, ready, folder):
            return _Standing.AS_BEFORE
        if ready.after.kind != ABSENT and is_same_file(now, ready.written):
            return _Standing.OURS
        state = folder.state(name)
    except Refused:
        return _Standing.FOREIGN
    if state == ready.before:
        return _Standing.AS_BEFORE
    if state.holds_the_same(ready.after):
        return _Standing.OURS
    return _Standing.AS_BEFORE if state.holds_the_same(ready.before) else _Standing.FOREIGN


def _still_beside(step: Touched, ready: Ready, folder: Folder) -> bool:
    """Whether the new file has not taken its place yet, so that whatever stands there is not ours."""
    return ready.after.kind != ABSENT and is_same_file(folder.seen(step.temporary), ready.written)


def _put_back(ready: Ready, folder: Folder, name: str, beside: str, vault: Vault, disk: Disk) -> _Standing:
    ours = folder.seen(name)
    try:
        if ready.before.kind != ABSENT:
            vault.put(ready.saved, ready.before, folder, beside)
        if not is_same_file(folder.seen(name), ours):
            return _Standing.FOREIGN
    except (Refused, VerificationFailed):
        return _Standing.FOREIGN
    if ready.before.kind != ABSENT:
        disk.rename_in(folder, beside, name)
    elif ours.kind != ABSENT:
        disk.remove_in(folder, name)
    return _Standing.AS_BEFORE


def _discard(folder: Folder, name: str, disk: Disk) -> None:
    try:
        is_there = folder.seen(name) != Seen()
    except Refused:
        return  # a folder or a device: nothing that we put
    if is_there:
        disk.remove_in(folder, name)
