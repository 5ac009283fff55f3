"""Bytes that two files share, where the file system can do that, and a copy where it cannot."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import BinaryIO

from rocmswitch.system.copying import copy_hashed, hash_opened
from rocmswitch.system.disk import Disk
from rocmswitch.system.folder import Folder

_CANNOT = frozenset(
    (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.ENOTTY, errno.EINVAL, errno.ENOSYS)
)
"""What a file system answers that has no links or reflinks, or none between these two files: link(2),
ioctl_ficlone(2). EPERM is also that of fs.protected_hardlinks, for files of others."""


def works(sharing: Callable[[], None]) -> bool:
    """Whether the file system can do that. Raises OSError where it can, but failed."""
    try:
        sharing()
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        return False
    return True


def copied(source: BinaryIO, folder: Folder, name: str, disk: Disk) -> str:
    """Make *name*, which must not exist, with the bytes of *source*; the hash of what is in it now."""
    if works(lambda: disk.clone_in(source, folder, name)):
        with folder.open(name) as file:
            return hash_opened(file)
    with disk.create_in(folder, name, 0o600) as target:
        return copy_hashed(source, target)
