"""Users and groups of a machine: of this one as its C library knows them, of another from its own files."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.host.systemroot import SystemRoot

_HERE = Path("/")
_OVERFLOW = "proc/sys/kernel/overflowgid"
_USUAL_OVERFLOW = 65534


@dataclass(frozen=True)
class Group:
    """One group; `name` is empty for a number that the machine has no name for."""

    number: int
    name: str = ""
    members: tuple[str, ...] = ()


def group(number: int, root: Path = _HERE) -> Group:
    """The group *number* of the machine at *root*, without those who have it as their own."""
    if root == _HERE:
        try:
            entry = grp.getgrgid(number)
        except KeyError:
            return Group(number)
        return Group(number, entry.gr_name, tuple(entry.gr_mem))
    for fields in _entries(root, "etc/group"):
        if len(fields) >= 4 and fields[2] == str(number):
            return Group(number, fields[0], tuple(filter(None, fields[3].split(","))))
    return Group(number)


def user_name(root: Path = _HERE) -> str:
    """What the machine at *root* calls this process's user; empty where it has no name for the number."""
    if root == _HERE:
        try:
            return pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            return ""
    wanted = str(os.getuid())
    return next((one[0] for one in _entries(root, "etc/passwd") if len(one) >= 3 and one[2] == wanted), "")


def unmapped_group(root: Path = _HERE) -> int:
    """The number that a user namespace shows for every group that it has none for (user_namespaces(7))."""
    text = SystemRoot(root).text(_OVERFLOW).strip()
    return int(text) if text.isascii() and text.isdecimal() else _USUAL_OVERFLOW


def _entries(root: Path, path: str) -> list[list[str]]:
    return [line.split(":") for line in SystemRoot(root).text(path).split("\n")]
