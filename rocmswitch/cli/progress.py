"""Progress: a bar for each download and a total on a terminal, one plain line every few seconds elsewhere.

Where everything has arrived, a terminal shows that something still goes on: gigabytes of wheels take a while.
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

from rocmswitch.cli import output
from rocmswitch.model.package import Artifact

if TYPE_CHECKING:
    from rich.progress import TaskID
    from rich.status import Status

PLAIN_INTERVAL = 5.0
"""Seconds between two plain lines."""


class Tally:
    """How many bytes of each file are there: what starts over, or is looked at again, does not count twice."""

    def __init__(self) -> None:
        self._there: dict[str, int] = {}

    def begin(self, artifact: Artifact, already: int) -> None:
        self._there[artifact.filename] = already

    def add(self, artifact: Artifact, count: int) -> None:
        self._there[artifact.filename] = self._there.get(artifact.filename, 0) + count

    def end(self, artifact: Artifact) -> None:
        self._there[artifact.filename] = artifact.size

    @property
    def bytes(self) -> int:
        return sum(self._there.values())


class PlainProgress:
    """For logs and pipes. Safe to call from several threads."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._tally = Tally()
        self._next = time.monotonic() + PLAIN_INTERVAL
        self._lock = threading.Lock()

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def started(self, artifact: Artifact, already: int) -> None:
        with self._lock:
            self._tally.begin(artifact, already)

    def advanced(self, artifact: Artifact, count: int) -> None:
        with self._lock:
            self._tally.add(artifact, count)
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + PLAIN_INTERVAL
            line = f"downloaded {output.size(self._tally.bytes)} of {output.size(self._total)}"
        output.say(line)

    def finished(self, artifact: Artifact) -> None:
        with self._lock:
            self._tally.end(artifact)

    def said(self, text: str) -> None:
        output.say(text)


class TerminalProgress:
    """Rich's bars: one for each file that is arriving, and the total."""

    def __init__(self, total: int) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=output.console(),
            transient=True,
        )
        self._total = total
        self._whole = self._bars.add_task("total", total=total)
        self._tasks: dict[str, TaskID] = {}
        self._tally = Tally()
        self._lock = threading.Lock()
        self._afterwards: Status | None = None

    def __enter__(self) -> TerminalProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
        if self._afterwards is not None:
            self._afterwards.stop()

    def started(self, artifact: Artifact, already: int) -> None:
        with self._lock:
            self._forget(artifact)
            self._tasks[artifact.filename] = self._bars.add_task(
                artifact.name, total=artifact.size, completed=already
            )
            self._tally.begin(artifact, already)
            self._bars.update(self._whole, completed=self._tally.bytes)

    def advanced(self, artifact: Artifact, count: int) -> None:
        with self._lock:
            task = self._tasks.get(artifact.filename)
            if task is not None:
                self._bars.advance(task, count)
            self._tally.add(artifact, count)
            self._bars.update(self._whole, completed=self._tally.bytes)

    def finished(self, artifact: Artifact) -> None:
        with self._lock:
            self._forget(artifact)
            self._tally.end(artifact)
            self._bars.update(self._whole, completed=self._tally.bytes)
            if not self._tasks and self._tally.bytes >= self._total and self._afterwards is None:
                self._bars.stop()
                self._afterwards = self._bars.console.status("unpacking and checking")
                self._afterwards.start()

    def _forget(self, artifact: Artifact) -> None:
        task = self._tasks.pop(artifact.filename, None)
        if task is not None:
            self._bars.remove_task(task)

    def said(self, text: str) -> None:
        self._bars.console.print(text)


def progress(total: int) -> PlainProgress | TerminalProgress:
    """The progress that fits where stderr goes; *total* is in bytes, those included that are there already."""
    return TerminalProgress(total) if sys.stderr.isatty() else PlainProgress(total)
