"""Everything that a program has started, and its end.

Told from `/proc/PID/stat` alone: to read the command line or the variables of a process that is stuck in a driver
may hang itself, because its memory is locked.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

POLITE, FORCED = 2.0, 5.0
"""Seconds that SIGTERM has, and that SIGKILL has: after the second one what is left waits for a device."""
_GONE = "ZX"
"""States of what has ended, and waits for its parent to ask how."""
_PAUSE = 0.02


@dataclass(frozen=True)
class Descendant:
    """A process that has not ended. `state` as proc(5) writes it: `D` cannot be interrupted."""

    number: int
    parent: int
    session: int
    state: str


def descendants(root: int, sessions: Collection[int] = (), proc: Path = Path("/proc")) -> tuple[Descendant, ...]:
    """What the process *root* has started, by itself or by others, and whoever is in one of *sessions*.

    What has lost its parent is below *root* where that adopts orphans: prctl(2), PR_SET_CHILD_SUBREAPER.
    """
    running = {one.number: one for one in _processes(proc)}
    below = {root}
    while more := {one.number for one in running.values() if one.parent in below} - below:
        below |= more
    chosen = {one.number for one in running.values() if one.session in sessions} | below - {root}
    return tuple(
        running[number] for number in sorted(chosen & running.keys()) if running[number].state not in _GONE
    )


def end_all(root: int, sessions: Collection[int] = (), *, but: Collection[int] = ()) -> tuple[Descendant, ...]:
    """End all of descendants(): SIGTERM first, then SIGKILL. Gives those that cannot be ended.

    Nobody waits for the processes in *but*, of which that is known.
    """
    for number, patience in ((signal.SIGTERM, POLITE), (signal.SIGKILL, FORCED)):
        until, told = time.monotonic() + patience, set[int]()
        while left := [one for one in descendants(root, sessions) if one.number not in but]:
            # Also whoever has been started since.
            for one in left:
                if one.number not in told:
                    _send(one.number, number)
                    told.add(one.number)
            if time.monotonic() > until:
                break
            time.sleep(_PAUSE)
        else:
            return ()
    return tuple(one for one in descendants(root, sessions) if one.number not in but)


def _send(process: int, number: signal.Signals) -> None:
    # Whoever runs as somebody else by now is told as one that cannot be ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def _processes(proc: Path) -> list[Descendant]:
    with os.scandir(proc) as entries:
        numbers = [int(entry.name) for entry in entries if entry.name.isdigit()]
    return [one for number in numbers if (one := _process(proc / str(number) / "stat", number)) is not None]


def _process(stat: Path, number: int) -> Descendant | None:
    """proc(5): number, name in brackets, state, parent, group, session. A name may hold brackets itself."""
    try:
        words = stat.read_bytes().rpartition(b")")[2].split()
        return Descendant(number, int(words[1]), int(words[3]), words[0].decode("ascii", "replace"))
    except (OSError, IndexError, ValueError):  # it has ended meanwhile
        return None
