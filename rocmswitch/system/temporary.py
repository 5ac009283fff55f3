"""Folders in TMPDIR for what is needed only while a command runs, of commands that leave the cache alone.

A process that is killed leaves its own behind. Each is locked by a descriptor of its own, which the kernel closes:
the next process sees that nobody needs it any more, and takes it away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rocmswitch.system.disk import Disk

_PREFIX = "rocmswitch-run-"


@contextlib.contextmanager
def temporary_folder(above: Path | None = None) -> Iterator[Path]:
    """A folder of this process's own in *above*, TMPDIR without it; gone when the block ends. Raises OSError.

    What processes of this user that are gone have left there goes first.
    """
    above = above or Path(tempfile.gettempdir())
    _sweep(above)
    with contextlib.ExitStack() as stack:
        yield _own(above, stack)


def _own(above: Path, stack: contextlib.ExitStack) -> Path:
    """Another one where somebody has swept it away between its making and its locking."""
    while True:
        with contextlib.ExitStack() as made:
            name = made.enter_context(
                tempfile.TemporaryDirectory(prefix=_PREFIX, dir=above, ignore_cleanup_errors=True)
            )
            if _hold(Path(name), made):
                stack.push(made.pop_all())
                return Path(name)


def _hold(folder: Path, stack: contextlib.ExitStack) -> bool:
    """Whether *folder* is ours until *stack* ends; without flock it is, as nobody sweeps there."""
    try:
        descriptor = _opened(folder, stack)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return folder.exists()  # no other gets its name: that is random


def _sweep(above: Path) -> None:
    for left in above.glob(f"{_PREFIX}*"):
        # What is held or another user's, or is gone meanwhile, is nothing to complain of.
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            descriptor = _opened(left, stack)
            if os.fstat(descriptor).st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Disk().remove_tree(left)


def _opened(folder: Path, stack: contextlib.ExitStack) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return descriptor
