"""Packages that a new tree shares with the one it replaces: hard links instead of unpacking again."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from rocmswitch.errors import RocmswitchError
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.store.receipts import read_files, read_receipt
from rocmswitch.store.verify import hash_files
from rocmswitch.system.disk import Disk

Key = tuple[str, str, str]
"""Name, SHA-256 and place of a package: the same archive unpacked into the same folder."""

_UNPACKED = {"directory": 0o755, "link": 0o777}
"""The modes before publishing took the write permission away: another package may bring the same path. Files
never had it.
"""

_NO_LINKS_HERE = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP)


def key(package: InstalledPackage) -> Key:
    return package.name, package.sha256, package.place


def reusable(
    receipt: Receipt, files: Iterable[FileEntry], wanted: Collection[Key]
) -> dict[Key, tuple[FileEntry, ...]]:
    """The packages of a tree that a tree of the *wanted* ones may take over as they are, with their entries.

    Only where packages are added, for a path that two packages hold is listed under one of them. Only packages
    none of whose files relocation has changed, nor a link into one to the host: what must be done depends on all
    that lies in a tree.
    """
    present = {package.name: key(package) for package in receipt.packages}
    if not set(present.values()) <= set(wanted):
        return {}
    entries: dict[str, list[FileEntry]] = {name: [] for name in present}
    changed = set()
    for entry in files:
        entries.setdefault(entry.package, []).append(entry)
        if entry.original_sha256 or entry.target.startswith("/"):
            changed.add(entry.package)
    return {present[name]: tuple(entries[name]) for name in present.keys() - changed}


def reuse(old: Path, new: Path, wanted: Collection[Key], disk: Disk) -> dict[Key, tuple[FileEntry, ...]]:
    """Give the tree in the making *new* what `reusable` finds in *old*; which packages, with their entries.

    Every file is hashed before: a damaged package is left out, and so is everything of a tree whose receipt
    cannot be read. Raises OSError.
    """
    try:
        candidates = reusable(read_receipt(old), read_files(old), wanted)
    except RocmswitchError:
        return {}
    files = [entry for entries in candidates.values() for entry in entries if entry.kind == "file"]
    found = dict(hash_files(old, files))
    sound = {
        package: tuple(replace(entry, mode=_UNPACKED.get(entry.kind, entry.mode)) for entry in entries)
        for package, entries in candidates.items()
        if all(entry.kind != "file" or found[entry.path] == entry.sha256 for entry in entries)
    }
    for entries in sound.values():
        for entry in sorted(entries, key=lambda one: one.path):
            take_over(old, new, entry, disk)
    return sound


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


def _link_or_copy(path: Path, target: Path, disk: Disk) -> None:
    """A hard link, or a copy where the file system has none, has no more of them, or is another one."""
    try:
        disk.link(path, target)
    except OSError as error:
        if error.errno not in _NO_LINKS_HERE:
            raise
        with path.open("rb") as source, disk.create(target, path.stat().st_mode & 0o7777) as copy:
            shutil.copyfileobj(source, copy)
