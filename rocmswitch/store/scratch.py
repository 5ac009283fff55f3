"""Folders for what is needed only while a command runs, below one folder of the cache.

A process that is killed leaves its own behind. Each has a lock that the kernel frees, so the next one sees that
nobody needs it any more and takes it away.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from rocmswitch.errors import Busy
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.lock import held

_LOCK = ".lock"
_WAIT = 60.0
"""Seconds for whoever sweeps to let go of a lock that is so new that nobody held it yet."""
_MODE = 0o700
"""What is in it is nobody else's: a bundle may be anybody's."""


@contextlib.contextmanager
def scratch(folder: Path, disk: Disk) -> Iterator[Path]:
    """A folder of this process's own below *folder*, gone when the block ends. Raises MachineLacks.

    What processes that are gone have left there goes first.
    """
    sweep(folder, disk)
    own = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
    with disk_errors(folder):
        disk.make_directories(folder, synced=False)
    with held(_lock_of(own), wait=_WAIT, what=f"`{own}`"):
        try:
            with disk_errors(own):
                disk.make_directory(own, _MODE)
            yield own
        finally:
            _remove(own, disk)


def sweep(folder: Path, disk: Disk) -> None:
    """Remove what processes that are gone have left below *folder*. Costs one look where none has. MachineLacks."""
    with disk_errors(folder):
        locks = sorted(folder.glob(f"*{_LOCK}")) if folder.is_dir() else []
    for lock in locks:
        own = lock.with_name(lock.name.removesuffix(_LOCK))
        with contextlib.suppress(Busy, FileNotFoundError), disk_errors(lock):
            if lock.lstat().st_uid == os.geteuid():  # another user's is his to take away
                with held(lock, wait=0, what=f"`{own}`"):
                    _remove(own, disk)


def _remove(own: Path, disk: Disk) -> None:
    """The lock goes last: who holds it comes here, and nobody else makes a folder of this name."""
    with disk_errors(own):
        disk.remove_tree(own)
        disk.discard(_lock_of(own))


def _lock_of(own: Path) -> Path:
    return own.with_name(own.name + _LOCK)
