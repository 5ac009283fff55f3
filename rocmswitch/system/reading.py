"""Opening files whose names come from elsewhere."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def read_regular(path: Path) -> bytes:
    """All of *path*, whose folder somebody may have put anything into. Raises OSError as `open_regular`."""
    with open_regular(path) as file:
        return file.read()


def open_regular(path: Path, *, buffered: bool = False) -> BinaryIO:
    """*path*, to be read. What may never end or never answer, a FIFO or a device, is refused as EINVAL is.

    *buffered* where it is read in small pieces. Raises OSError.
    """
    # Not blocking: opening a FIFO waits for whoever writes.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    found = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(found):
        os.close(descriptor)
        kind = errno.EISDIR if stat.S_ISDIR(found) else errno.EINVAL
        raise OSError(kind, os.strerror(kind) if kind == errno.EISDIR else "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb", buffering=-1 if buffered else 0)
