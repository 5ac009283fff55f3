"""Progress of the probe: the operation that runs, how many are done and how many of them are bad.

On a terminal one line that changes; elsewhere a plain line now and then. What fails is told at once on both.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rocmswitch.cli import output
from rocmswitch.cli.probe_table import failure
from rocmswitch.cli.probe_words import tried
from rocmswitch.model.printable import printable
from rocmswitch.model.probe import BAD, Operation, Outcome

PLAIN_INTERVAL = 15.0
"""Seconds between two plain lines: most operations take less than one."""


class Count:
    """How many there are, how many came to an end and how many of these are bad."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.bad = total, 0, 0

    def add(self, one: Outcome) -> None:
        self.done += 1
        self.bad += one.result in BAD

    def __str__(self) -> str:
        return f"{self.done} of {self.total}{f', {self.bad} bad' if self.bad else ''}"


class PlainProgress:
    """For logs and pipes."""

    def __init__(self, total: int) -> None:
        self._count = Count(total)
        self._next = time.monotonic() + PLAIN_INTERVAL

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def told(self, one: Operation | Outcome) -> None:
        if isinstance(one, Outcome):
            self._count.add(one)
            if one.result in BAD:
                output.say(failure(one))
        if time.monotonic() >= self._next and self._count.done < self._count.total:
            self._next = time.monotonic() + PLAIN_INTERVAL
            output.say(f"tried {self._count}")


class TerminalProgress:
    """Rich's bar, with the operation that runs and for how long it has."""

    def __init__(self, total: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.fields[count]}"),
            BarColumn(20),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
        )
        self._count = Count(total)
        self._bars = Progress(*columns, console=output.console(), transient=True)
        self._task = self._bars.add_task("starting", total=total, count=str(self._count))

    def __enter__(self) -> TerminalProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def told(self, one: Operation | Outcome) -> None:
        if isinstance(one, Operation):
            self._bars.update(self._task, description=printable(tried(one)))
            return
        self._count.add(one)
        self._bars.update(self._task, completed=self._count.done, count=str(self._count))
        if one.result in BAD:
            self._bars.console.print(failure(one))


def progress(total: int) -> PlainProgress | TerminalProgress:
    """The progress that fits where stderr goes; *total* is a number of operations."""
    return TerminalProgress(total) if sys.stderr.isatty() else PlainProgress(total)
