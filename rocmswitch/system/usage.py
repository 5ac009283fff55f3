"""What removing files gives back: one that has another name elsewhere, as links to a cache have, gives nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
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


def usage(paths: Iterable[Path]) -> Usage:
    """What removing the files and folders *paths* altogether would give back. What is not there counts nothing."""
    names: dict[tuple[int, int], int] = {}
    found: dict[tuple[int, int], os.stat_result] = {}
    for status in (one for path in paths for one in _below(path)):
        key = (status.st_dev, status.st_ino)
        names[key] = names.get(key, 0) + 1
        found[key] = status
    freed = sum(one.st_blocks for key, one in found.items() if names[key] >= one.st_nlink)
    everything = sum(one.st_blocks for one in found.values())
    return Usage(freed * _BLOCK, (everything - freed) * _BLOCK)


def _below(path: Path) -> Iterator[os.stat_result]:
    """Of every file and symlink; folders take next to nothing."""
    try:
        if path.is_symlink() or not path.is_dir():
            yield path.lstat()
            return
        with os.scandir(path) as entries:
            inside = list(entries)
    except FileNotFoundError:
        return
    for entry in inside:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path))
        else:
            yield entry.stat(follow_symlinks=False)
