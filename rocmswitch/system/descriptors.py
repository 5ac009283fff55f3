"""What is done with files and folders that are open; light, because every command loads it."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Errors of this block name *path*: calls by descriptor know only a part of it, or nothing."""
    try:
        yield
    except OSError as error:
        # A name that is whole already was given further inside.
        if not _is_whole(error.filename):
            error.filename = str(path)
        if isinstance(error.filename2, str) and not _is_whole(error.filename2):
            error.filename2 = str(path.with_name(error.filename2))
        raise


def sync_opened_folder(descriptor: int) -> None:
    """fsync of a folder, or what does more where the file system has none."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        # CIFS and some FUSE file systems have no fsync of a folder and answer EINVAL: fsync(2).
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
        sync_all(descriptor)


def sync_all(descriptor: int) -> None:
    """syncfs(2), which Python does not wrap; where the C library has none, sync(2) does more."""
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
    elif syncfs(descriptor) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _is_whole(name: object) -> bool:
    return isinstance(name, (str, bytes)) and Path(os.fsdecode(name)).is_absolute()
