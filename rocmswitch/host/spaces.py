"""How much room is left where something will be written."""

from __future__ import annotations

import os
from pathlib import Path


def free_at(folder: Path) -> int | None:
    """Bytes for this user on the file system that *folder* lies on, or will; None where nothing tells."""
    try:
        there = next(one for one in (folder, *folder.parents) if one.exists())
        found = os.statvfs(there)
    except (OSError, StopIteration):
        return None
    return found.f_bavail * found.f_frsize


def file_system_of(folder: Path) -> int:
    """What tells its file system from others; 0 where nothing tells."""
    try:
        return next(one for one in (folder, *folder.parents) if one.exists()).stat().st_dev
    except (OSError, StopIteration):
        return 0
