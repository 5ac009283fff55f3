"""Progress of downloads: a line each and a total on a terminal, one plain line every few seconds elsewhere."""

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

PLAIN_INTERVAL = 5.0
"""Seconds between two plain lines."""


class PlainProgress:
    """For logs and pipes. Safe to call from several threads."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._next = time.monotonic() + PLAIN_INTERVAL
        self._lock = threading.Lock()

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def started(self, artifact: Artifact, already: int) -> None:
        self.advanced(artifact, already)

    def advanced(self, artifact: Artifact, count: int) -> None:
        with self._lock:
            self._done += count
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + PLAIN_INTERVAL
            line = f"downloaded {output.size(self._done)} of {output.size(self._total)}"
        output.say(line)

    def finished(self, artifact: Artifact) -> None:
        return None

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
        self._whole = self._bars.add_task("total", total=total)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> TerminalProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def started(self, artifact: Artifact, already: int) -> None:
        task = self._bars.add_task(artifact.name, total=artifact.size, completed=already)
        self._tasks[artifact.filename] = task
        self._bars.advance(self._whole, already)

    def advanced(self, artifact: Artifact, count: int) -> None:
        task = self._tasks.get(artifact.filename)
        if task is not None:
            self._bars.advance(task, count)
        self._bars.advance(self._whole, count)

    def finished(self, artifact: Artifact) -> None:
        task = self._tasks.pop(artifact.filename, None)
        if task is not None:
            self._bars.remove_task(task)

    def said(self, text: str) -> None:
        self._bars.console.print(text)


def progress(total: int) -> PlainProgress | TerminalProgress:
    """The progress that fits where stderr goes; *total* is in bytes."""
    return TerminalProgress(total) if sys.stderr.isatty() else PlainProgress(total)
