"""What files take on disk. One that has another name elsewhere, as links to a cache have, gives nothing back."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 512
"""Bytes that st_blocks counts in: stat(2)."""


@dataclass(frozen=True)
class Usage:
    """Bytes on the disk. A reflink counts as if its bytes were its own: nothing short of root tells."""

    freed: int = 0
    shared: int = 0
    """Of files that have a name elsewhere too, which therefore stay."""


@dataclass(frozen=True)
class Shares:
    """What each of several folders takes, and all of them together: a file with several names counts once there."""

    each: tuple[Usage, ...] = ()
    total: int = 0


def usage(paths: Iterable[Path]) -> Usage:
    """What removing the files and folders *paths* altogether would give back. What is not there counts nothing.

    Folders themselves count nothing: they take next to nothing.
    """
    return _usage([one for path in paths for one in _below(path) if not stat.S_ISDIR(one.st_mode)])


def shares(folders: Sequence[Path]) -> Shares:
    """What each of *folders* takes, with the folders in it: in sum what du(1) says. What is gone takes nothing."""
    found = [list(_below(folder)) for folder in folders]
    once = {_file(one): one.st_blocks for statuses in found for one in statuses}
    return Shares(tuple(map(_usage, found)), sum(once.values()) * _BLOCK)


def _usage(statuses: Sequence[os.stat_result]) -> Usage:
    names = Counter(map(_file, statuses))
    found = {_file(one): one for one in statuses}
    # The names of a folder are those of the folders in it: it has no other place.
    freed = sum(
        one.st_blocks for key, one in found.items() if names[key] >= one.st_nlink or stat.S_ISDIR(one.st_mode)
    )
    everything = sum(one.st_blocks for one in found.values())
    return Usage(freed * _BLOCK, (everything - freed) * _BLOCK)


def _file(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _below(path: Path) -> Iterator[os.stat_result]:
    """Of *path* and all that is in it; no symlink is followed."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    yield status
    if stat.S_ISDIR(status.st_mode):
        yield from _inside(str(path))


def _inside(folder: str) -> Iterator[os.stat_result]:
    try:
        with os.scandir(folder) as entries:
            inside = list(entries)
    except FileNotFoundError:
        return
    for entry in inside:
        yield entry.stat(follow_symlinks=False)
        if entry.is_dir(follow_symlinks=False):
            yield from _inside(entry.path)
