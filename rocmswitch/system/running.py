"""Which programs run from a folder, as /proc tells it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A running program. `command` is its command line, words joined by spaces."""

    number: int
    command: str


def running_from(places: Collection[str], proc: Path = Path("/proc")) -> dict[str, tuple[Process, ...]]:
    """For each of *places* (a part of a path, such as `/.trees/rocm-6.2.4-3f2a…/`) who runs, maps or stands in it.

    Looks at `exe`, `cwd` and `maps`: proc(5). What this user may not read counts as not using it: a user
    without root can read nearly no process of others, and every tree would be in use for ever. Nothing breaks
    that is mapped already, for the kernel keeps a removed file until its last user ends.
    """
    wanted = {place: os.fsencode(place) for place in places}
    found: dict[str, list[Process]] = {place: [] for place in places}
    for folder in _processes(proc) if wanted else ():
        seen = _names(folder)
        for place, name in wanted.items():
            if name in seen:
                found[place].append(Process(int(folder.name), _command(folder)))
    return {place: tuple(processes) for place, processes in found.items()}


def _processes(proc: Path) -> Iterator[Path]:
    with os.scandir(proc) as entries:
        yield from (proc / entry.name for entry in entries if entry.name.isdigit())


def _names(process: Path) -> bytes:
    """Every file name that says where the process runs, each ended by a slash or a newline."""
    links = b"".join(_target(process / name) + b"/\n" for name in ("exe", "cwd"))
    return links + _content(process / "maps")


def _target(link: Path) -> bytes:
    try:
        return os.fsencode(link.readlink())
    except OSError:
        return b""


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _command(process: Path) -> str:
    return os.fsdecode(_content(process / "cmdline").replace(b"\0", b" ")).strip()
