"""The tree of a variant: hard links to the files of another tree, and the user's own in place of some.

Search paths inside a tree begin with $ORIGIN, which is where the loader found a file, not where else the file has
a name: each tree loads its own libraries, though they share their bytes (store/relocate.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from rocmswitch.errors import Refused
from rocmswitch.model.deployment import Seen
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.relocate import Machine, relocate
from rocmswitch.store.sharing import take_over
from rocmswitch.system.copying import copy_hashed
from rocmswitch.system.disk import Disk
from rocmswitch.system.reading import open_regular

_FILE_MODE = 0o644


@dataclass(frozen=True)
class Part:
    """A file of the user's, and the path in the tree that it gets."""

    path: str
    source: Path
    seen: Seen
    """As the plan saw it."""


@dataclass(frozen=True)
class Assembled:
    """All entries of the new tree, and the SHA-256 of each of the user's files by its path in the tree."""

    entries: tuple[FileEntry, ...]
    sources: dict[str, str]


def assemble(base: Path, entries: Iterable[FileEntry], tree: Path, parts: Sequence[Part], disk: Disk) -> Assembled:
    """Fill the empty *tree* with what *entries* say of *base*, and with *parts*.

    Raises Refused where a source is not what the plan saw, and OSError.
    """
    known = {one.path: one for one in entries}
    new = {part.path for part in parts}
    for path in sorted(known.keys() - new):
        take_over(base, tree, known[path], disk)
    placed, sources = [], {}
    for part in parts:
        entry = known.get(part.path, FileEntry(part.path, "file", _FILE_MODE))
        size, sources[part.path] = _copy(part, tree, entry.mode, disk)
        fresh = FileEntry(part.path, "file", entry.mode, size, sources[part.path])
        placed.append(replace(fresh, package=entry.package))
    kept = (one for path, one in known.items() if path not in new)
    return Assembled(tuple(sorted((*kept, *placed), key=lambda one: one.path)), sources)


def relocate_parts(
    tree: Path, entries: Sequence[FileEntry], root: str, machine: Machine, disk: Disk
) -> tuple[FileEntry, ...]:
    """Let the new files find the other libraries of *tree*, as every file of a tree does.

    Whether they lack something was judged when the plan was made. Links to the machine's own libraries, which are
    made when a tree is complete, are left out: relocation would take them for a package's.
    """
    own = [one for one in entries if not (one.kind == "link" and one.target.startswith("/"))]
    judged = Machine(_Everything(), machine.glibc, machine.processor, machine.jobs)
    changed = {one.path: one for one in relocate(tree, own, root=root, machine=judged, disk=disk).entries}
    return tuple(changed.get(one.path, one) for one in entries)


class _Everything:
    """A machine that has every library, in every version."""

    def find(self, soname: str) -> Path | None:
        return Path("/") / soname

    def defined_versions(self, soname: str) -> tuple[str, ...]:
        return ()


def _copy(part: Part, tree: Path, mode: int, disk: Disk) -> tuple[int, str]:
    """The size and the SHA-256 of what was written."""
    path = tree / part.path
    disk.make_directories(path.parent, synced=False)
    with _opened(part) as source:
        _check_same(part, os.fstat(source.fileno()))
        with disk.create(path, mode) as target:
            digest = copy_hashed(source, target)
        _check_same(part, os.fstat(source.fileno()))
    return path.stat().st_size, digest


def _opened(part: Part) -> BinaryIO:
    try:
        return open_regular(part.source)
    except FileNotFoundError as error:
        raise _changed(part) from error


def _check_same(part: Part, found: os.stat_result) -> None:
    """It is the file that the plan saw, and nobody has written to it since."""
    seen = part.seen
    now = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    if now != (seen.device, seen.inode, seen.size, seen.modified):
        raise _changed(part)


def _changed(part: Part) -> Refused:
    return Refused(f"`{part.source}` is not what the plan saw", hint="run the same command again")
