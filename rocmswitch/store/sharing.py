"""Files that two trees share as hard links: one file with two names, which nobody writes to."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from rocmswitch.errors import RocmswitchError
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.receipts import read_files
from rocmswitch.store.verify import hash_files
from rocmswitch.system.disk import Disk

_NO_LINKS_HERE = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
"""The last one from file systems that are programs: FUSE has handed on whatever those do not know."""


def take_over(old: Path, new: Path, entry: FileEntry, disk: Disk) -> None:
    """Give the tree in the making *new* what *entry* says of *old*. Raises OSError."""
    path = new / entry.path
    if entry.kind == "directory":
        disk.make_directories(path, synced=False)
        return
    disk.make_directories(path.parent, synced=False)
    if entry.kind == "link":
        disk.symlink(path, entry.target)
    else:
        _link_or_copy(old / entry.path, path, disk)


def share_same(old: Path, new: Path, entries: Iterable[FileEntry], disk: Disk) -> None:
    """Let files of *new* that are the same in *old*, bytes and mode, be one file. Nothing else of *new* changes.

    *entries* is all that *new* will have. Raises OSError.
    """
    try:
        before = {one.path: one for one in read_files(old) if one.kind == "file" and one.size}
    except RocmswitchError:
        return
    alike = [one for one in entries if _is_same(one, before.get(one.path)) and _are_two(old, new, one.path)]
    for path, found in hash_files(old, alike):
        if found == before[path].sha256:
            _replace_by_link(old / path, new / path, disk)


def _link_or_copy(path: Path, target: Path, disk: Disk) -> None:
    """A hard link, or a copy where the file system has none, has no more of them, or is another one."""
    try:
        disk.link(path, target)
    except OSError as error:
        if error.errno not in _NO_LINKS_HERE:
            raise
        found = path.stat()
        with path.open("rb") as source, disk.create(target, found.st_mode & 0o7777) as copy:
            shutil.copyfileobj(source, copy)
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))


def _is_same(entry: FileEntry, before: FileEntry | None) -> bool:
    return before is not None and (entry.kind, entry.sha256, entry.size, entry.mode) == (
        *("file", before.sha256),
        *(before.size, before.mode),
    )


def _are_two(old: Path, new: Path, path: str) -> bool:
    """Whether both have a file there, and it is not one file already."""
    try:
        first, second = (old / path).lstat(), (new / path).lstat()
    except FileNotFoundError:
        return False
    return (first.st_dev, first.st_ino) != (second.st_dev, second.st_ino)


def _replace_by_link(path: Path, target: Path, disk: Disk) -> None:
    """*target* is a name of the file *path* when this returns, if the file system has hard links."""
    beside = target.with_name(f".{target.name[:200]}.shared")
    try:
        disk.link(path, beside)
    except OSError as error:
        if error.errno not in _NO_LINKS_HERE:
            raise
        return
    disk.rename(beside, target)
