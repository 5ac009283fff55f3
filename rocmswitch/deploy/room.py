"""Whether a change fits on the file systems that it writes to, before it writes anything."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from rocmswitch.deploy.folders import Folders
from rocmswitch.model.deployment import FILE, NewFile, NewText, Replacement, SavedFile
from rocmswitch.planning.space import Room, check_rooms

_SLACK = 1024 * 1024
"""Bytes for the journal, the record and new folders."""


def check_room(replacements: Iterable[Replacement], folders: Folders, backups: Path) -> None:
    """Raise MachineLacks where a file system has too little room.

    Counted is what is copied: new files, and what comes from or goes to the backups where those lie on another file
    system; on the same one it is linked.
    """
    backups_on = backups.stat().st_dev
    needed = {backups_on: _SLACK}
    places = {backups_on: backups}
    for one in replacements:
        folder, _ = folders.of(one.root, one.path)
        here = os.fstat(folder.descriptor).st_dev
        places.setdefault(here, folder.path)
        needed[here] = needed.get(here, 0) + _arriving(one, is_near=here == backups_on)
        if one.seen.kind == FILE and here != backups_on:
            needed[backups_on] += one.seen.size
    for file_system, count in needed.items():
        check_free(places[file_system], count)


def check_free(folder: Path, count: int) -> None:
    """Raise MachineLacks unless the file system of *folder*, which is there, has *count* bytes to spare."""
    free = os.statvfs(folder)
    check_rooms([(Room(str(folder), folder.stat().st_dev, free.f_bavail * free.f_frsize), count)])


def _arriving(one: Replacement, *, is_near: bool) -> int:
    if isinstance(one.content, NewFile):
        return one.content.size
    if isinstance(one.content, NewText):
        return len(one.content.text.encode())
    is_copied = isinstance(one.content, SavedFile) and (one.content.is_apart or not is_near)
    return one.content.state.size if isinstance(one.content, SavedFile) and is_copied else 0
