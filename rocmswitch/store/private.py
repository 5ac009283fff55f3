"""Folders whose files a shell runs: nobody but their owner may write there."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from rocmswitch.errors import Refused
from rocmswitch.system.disk import Disk

_OTHERS_WRITE = 0o022
_ROOT = 0


def make_private(folder: Path, scope: str, disk: Disk) -> None:
    """Make *folder*, whose parent exists, if it is missing: the user's own, or in `system` everybody's to read.

    It is there for good when the caller has synced the parent.
    """
    if not folder.is_dir():
        mode = 0o755 if scope == "system" else 0o700
        disk.make_directory(folder, mode)
        if scope == "system":
            disk.set_mode(folder, mode)  # whatever root's umask is


def check_private(folder: Path) -> None:
    """Raise Refused where somebody else could put a script into *folder*. One that is not there is nobody's."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        return
    if found.st_uid not in (os.geteuid(), _ROOT):
        raise Refused(
            f"`{folder}` belongs to another user (number {found.st_uid}), who could put anything into your shell",
            hint=f"run `sudo chown -R {os.geteuid()} {shlex.quote(str(folder))}`",
        )
    if found.st_mode & _OTHERS_WRITE:
        raise Refused(
            f"`{folder}` may be written by others, who could put anything into your shell",
            hint=f"look at what lies there, then run `chmod 700 {shlex.quote(str(folder))}`",
        )


def may_write(folder: Path) -> bool:
    """Whether this user may change what lies in *folder*, or could make it."""
    # Not Path.exists, which raises below a folder that is closed to this user.
    there = next(path for path in (folder, *folder.parents) if os.path.exists(path))  # noqa: PTH110
    return os.access(there, os.W_OK)
