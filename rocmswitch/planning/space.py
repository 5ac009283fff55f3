"""How much room a plan needs, on which file system: checked before the first byte is fetched."""

from __future__ import annotations

from dataclasses import dataclass

from rocmswitch.errors import MachineLacks
from rocmswitch.planning.install import InstallPlan

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
    unpacked = plan.added_size + plan.added_size // _BLOCK_SHARE + _SLACK if plan.packages else 0
    if cache.file_system == prefixes.file_system:
        return ((prefixes, plan.download_size + unpacked),)
    return ((cache, plan.download_size), (prefixes, unpacked))


def check_space(plan: InstallPlan, cache: Room, prefixes: Room) -> None:
    """Raise MachineLacks where a file system has too little room for *plan*."""
    for room, needed in space_needed(plan, cache, prefixes):
        if needed > room.free:
            raise MachineLacks(
                f"`{room.folder}` has {_megabytes(room.free)} free and {_megabytes(needed)} are needed there",
                hint="run `rocmswitch cache prune`",
            )


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:,.0f} MB"
