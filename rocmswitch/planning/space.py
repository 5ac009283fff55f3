"""How much room a plan needs, on which file system: checked before the first byte is fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rocmswitch.errors import DiskFull

if TYPE_CHECKING:  # what changes files needs neither
    from rocmswitch.planning.installplan import InstallPlan
    from rocmswitch.planning.wheels import VenvPlan

_SLACK = 16 * 1024 * 1024
"""Bytes for the receipt, folders, and a file that is replaced by a new one while it is relocated."""
_BLOCK_SHARE = 20
"""Installed-Size counts in KiB, file systems in blocks of 4 KiB: an estimate on the safe side."""


@dataclass(frozen=True)
class Room:
    """A folder, what tells its file system from others (`st_dev`), and the bytes that are free there."""

    folder: str
    file_system: int
    free: int


def space_needed(plan: InstallPlan, cache: Room, prefixes: Room) -> tuple[tuple[Room, int], ...]:
    """Bytes that *plan* takes: once for each file system, so twice or once."""
    return _needed(plan.download_size, plan.added_size if plan.packages else 0, cache, prefixes)


def check_space(plan: InstallPlan, cache: Room, prefixes: Room) -> None:
    """Raise MachineLacks where a file system has too little room for *plan*."""
    check_rooms(space_needed(plan, cache, prefixes))


def check_wheel_space(plan: VenvPlan, cache: Room, venvs: Room) -> None:
    """The same for the wheels of an environment, its prefix aside. Those that are here already cost links."""
    check_rooms(_needed(plan.wheels_size, plan.unpacked if plan.wheels_size else 0, cache, venvs))


def check_rooms(needed: Iterable[tuple[Room, int]]) -> None:
    """Raise MachineLacks where a room has less than the bytes that are needed there."""
    for room, count in needed:
        if count > room.free:
            raise DiskFull(
                f"`{room.folder}` has {_megabytes(room.free)} free and {_megabytes(count)} are needed there",
                hint="run `rocmswitch cache prune`",
            )


def tree_size(unpacked: int) -> int:
    """Bytes on the disk of a tree with files of *unpacked* bytes that are its own."""
    return unpacked + unpacked // _BLOCK_SHARE + _SLACK


def _needed(download: int, unpacked: int, cache: Room, trees: Room) -> tuple[tuple[Room, int], ...]:
    on_disk = tree_size(unpacked) if unpacked else 0
    if cache.file_system == trees.file_system:
        return ((trees, download + on_disk),)
    return ((cache, download), (trees, on_disk))


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:,.0f} MB"
