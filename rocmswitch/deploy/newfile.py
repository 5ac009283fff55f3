"""A new file, the user's or ours, written beside the one whose place it will take."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from rocmswitch.deploy.folders import is_same_file, not_as_seen
from rocmswitch.deploy.sharing import copied
from rocmswitch.model.deployment import ABSENT, FileState, NewFile
from rocmswitch.system.disk import Disk
from rocmswitch.system.folder import Folder, seen_of
from rocmswitch.system.reading import open_regular

_READABLE = 0o644
_ROOT = 0


def write_new(new: NewFile, folder: Folder, name: str, like: FileState | None, disk: Disk) -> FileState:
    """Make *name*, which must not exist, with the bytes of *new*, and wait for the disk.

    Its owner and mode are those of *like*, the file in whose place it comes, if it is not to be root's. Raises
    Refused where *new* is not what the plan saw, or is written to meanwhile: it was judged by its headers then.
    OSError.
    """
    source = Path(new.source)
    with open_regular(source) as file:
        found = os.fstat(file.fileno())
        read = seen_of(found)
        judged = read if new.seen.kind == ABSENT else new.seen
        if found.st_size != new.size or not is_same_file(read, judged):
            raise not_as_seen(source)
        sha256 = copied(file, folder, name, disk)
        is_steady = is_same_file(seen_of(os.fstat(file.fileno())), read)
    if not is_steady or new.sha256 not in ("", sha256):
        raise not_as_seen(source)
    written = folder.state(name, sha256=sha256)
    if new.is_roots:
        wanted = replace(written, mode=_READABLE, owner=_ROOT, group=_ROOT)
    elif like is None:
        wanted = replace(written, mode=0o755 if found.st_mode & 0o100 else 0o644)
    else:
        wanted = replace(written, mode=like.mode, owner=like.owner, group=like.group)
    disk.set_attributes_in(folder, name, wanted)
    disk.sync_in(folder, name)
    return folder.state(name, sha256=sha256)


def write_text(text: str, folder: Folder, name: str, disk: Disk) -> FileState:
    """Make *name*, which must not exist, with *text*, and wait for the disk. Raises OSError."""
    with disk.create_in(folder, name, _READABLE) as file:
        file.write(text.encode())
    disk.sync_in(folder, name)
    return folder.state(name)
