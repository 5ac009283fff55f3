"""What a file is besides its content: owner, mode, times, extended attributes; by descriptor."""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import stat

from rocmswitch.model.deployment import FileState

_ROOTS_OWN = ("security.", "trusted.")
"""Attributes that only root may set, and that a security module of the kernel sets by itself: xattr(7)."""


def attributes_of(descriptor: int) -> tuple[tuple[str, str], ...]:
    """Extended attributes that this user may list, sorted, values in base64; none where there can be none."""
    return tuple(
        (name, base64.b64encode(os.getxattr(descriptor, name)).decode()) for name in sorted(_listed(descriptor))
    )


def set_attributes(descriptor: int, state: FileState) -> None:
    """Owner, mode, extended attributes and times of a new file, as far as this user may set them."""
    _set_owner(descriptor, state)
    # Attributes of the `user.` kind need the right to write, which the mode may not give: xattr(7).
    os.fchmod(descriptor, stat.S_IRUSR | stat.S_IWUSR)
    _set_extended(descriptor, dict(state.attributes))
    os.fchmod(descriptor, state.mode)
    os.utime(descriptor, ns=(state.modified, state.modified))


def _set_owner(descriptor: int, state: FileState) -> None:
    found = os.fstat(descriptor)
    if os.geteuid() == 0:
        os.fchown(descriptor, state.owner, state.group)
    elif state.group != found.st_gid:
        # One of this user's other groups; of a group that is not, nobody but root can make it.
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, -1, state.group)


def _set_extended(descriptor: int, wanted: dict[str, str]) -> None:
    for name in _listed(descriptor) - set(wanted):
        if not name.startswith(_ROOTS_OWN):
            os.removexattr(descriptor, name)
    for name, value in wanted.items():
        try:
            os.setxattr(descriptor, name, base64.b64decode(value))
        except OSError as error:
            if not name.startswith(_ROOTS_OWN) or error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTSUP):
                raise


def _listed(descriptor: int) -> set[str]:
    try:
        return set(os.listxattr(descriptor))
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return set()
        raise
