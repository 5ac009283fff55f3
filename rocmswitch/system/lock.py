"""Locks that the kernel frees: flock on a file, never the existence of a file."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from rocmswitch.errors import Busy, Refused
from rocmswitch.system.disk import disk_errors


@contextlib.contextmanager
def held(path: Path, *, wait: float, what: str) -> Iterator[None]:
    """Hold the lock *path* for the duration. `wait` is how many seconds to wait for another holder.

    Raises Busy, Refused where a symlink stands there. `what` names the thing that is locked, for the message. The
    file stays; a holder may remove it, for whoever gets a lock on a file that has lost its name tries again with
    the one that has it now.
    """
    from filelock import FileLock, Timeout

    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Where there is no flock the library would fall back to a file's existence, which outlives a killed holder.
        lock = FileLock(path, timeout=wait, mode=0o644, fallback_to_soft=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise Busy(
                f"another rocmswitch{_holder(path)} is working on {what}",
                hint="run the same command again when it has ended",
            ) from error
        except OSError as error:
            if error.errno == errno.ELOOP:  # it is opened without following one
                raise Refused(f"`{path}` is a symlink, where a lock is expected") from error
            raise
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def shared(path: Path) -> Iterator[int]:
    """A descriptor that holds *path*, with any number of others, for as long as a process has it that inherited it.

    Whoever wants to know that all of them have ended waits for the lock by `held`. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock now, as far as this user may look."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without flock
        return False
    finally:
        os.close(descriptor)
    return False


def _holder(path: Path) -> str:
    """` (process 4711)` where /proc/locks tells it: proc(5). Another host's or container's holder is not told."""
    try:
        inode = str(path.stat().st_ino)
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return ""
    # `1: FLOCK  ADVISORY  WRITE 4711 08:02:131075 0 EOF`; a waiting one has `->` after the number.
    holders = [line.split() for line in lines if " FLOCK " in line and "->" not in line]
    numbers = {int(one[4]) for one in holders if one[5].rpartition(":")[2] == inode}
    # One that has ended may have left the lock to a program that it had started.
    numbers = {one for one in numbers if one > 0 and one != os.getpid() and Path(f"/proc/{one}").exists()}
    return f" (process {numbers.pop()})" if len(numbers) == 1 else ""
