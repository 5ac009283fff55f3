"""Locks that the kernel frees: flock on a file, never the existence of a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from rocmswitch.errors import Busy


@contextlib.contextmanager
def held(path: Path, *, wait: float, what: str) -> Iterator[None]:
    """Hold the lock *path* for the duration. `wait` is how many seconds to wait for another holder.

    Raises Busy. `what` names the thing that is locked, for the message.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=wait, mode=0o644)
    try:
        with lock:
            yield
    except Timeout as error:
        raise Busy(
            f"another rocmswitch is working on {what}",
            hint="wait for it to end and run the same command again",
        ) from error
