"""Which file systems paths lie on: on those of a network, a lock here says nothing to the machine there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from rocmswitch.metadata.mountinfo import file_systems, is_network


def file_system(path: Path) -> str:
    """The kernel's name for the file system that *path* lies on, or will: `ext4`, `nfs4`, `fuse.sshfs`.

    Empty where nothing tells: without /proc, or where this user may not look. A link is followed.
    """
    try:
        number = _mount_of(path)
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    return file_systems(mounts).get(number, "")


def lock_note(paths: Iterable[Path], kind_of: Callable[[Path], str] = file_system) -> tuple[str, ...]:
    """For the plan of whoever changes *paths*: those that another machine may change without our knowing."""
    kinds = {path: kind_of(path) for path in paths}
    return tuple(
        f"locks are local to this machine on {kind}: nobody else may change `{path}` meanwhile"
        for path, kind in kinds.items()
        if is_network(kind)
    )


def _mount_of(path: Path) -> int:
    """The number of the mount, as the kernel itself tells it of an open file: proc(5), fdinfo.

    Comparing names instead goes wrong where one mount hides another; comparing device numbers, on btrfs.
    """
    there = next(one for one in (path, *path.parents) if one.exists())
    descriptor = os.open(there, os.O_PATH | os.O_CLOEXEC)
    try:
        lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii").splitlines()
    finally:
        os.close(descriptor)
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(told.get("mnt_id", "0"))
