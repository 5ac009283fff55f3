"""What is root's alone: to change what kernels load, and to read what was recorded of it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from rocmswitch.errors import MachineLacks
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.fstab import parse_fstab

_HOLDING = ("var", "var/lib", "var/lib/rocmswitch")


def check_root(line: str) -> None:
    """Raise MachineLacks for anybody else: what kernels load is root's alone. *line* is what was typed."""
    if os.geteuid() != 0:
        raise MachineLacks("only root may change what kernels load", hint=f"run `sudo {line}`")


def check_mounted(root: Path) -> None:
    """Raise MachineLacks where the system at *root* has its /var elsewhere: it would not find the record."""
    if root == Path("/"):
        return
    for entry in parse_fstab(SystemRoot(root).text("etc/fstab")):
        point = root / entry.point
        if entry.point in _HOLDING and "noauto" not in entry.options and not point.is_mount():
            device, where = shlex.quote(entry.device), shlex.quote(str(point))
            raise MachineLacks(
                f"`{point}` is a file system of its own and is not mounted: the record belongs there",
                hint=f"run `mount {device} {where}`, then the same command again",
            )


def check_reading(folder: Path, line: str) -> None:
    """Raise MachineLacks where what was recorded, in *folder*, is not for this user's eyes."""
    if os.geteuid() != 0 and not os.access(folder, os.R_OK | os.X_OK) and os.path.lexists(folder):
        raise MachineLacks(f"only root may read `{folder}`", hint=f"run `sudo {line}`")


def option_of(root: Path) -> str:
    """What goes behind a command that is meant for the system at *root*."""
    return "" if root == Path("/") else f" --root {shlex.quote(str(root))}"
