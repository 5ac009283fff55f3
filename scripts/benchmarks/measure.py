"""Running a command and knowing what it cost: wall time, CPU time, memory of all its processes."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Cost:
    """Seconds of one run; `cpu` is user and system time of all its processes."""

    wall: float
    cpu: float


@dataclass
class Series:
    """The rounds of one side."""

    name: str
    costs: list[Cost] = field(default_factory=list)

    @property
    def wall(self) -> float:
        return statistics.median(cost.wall for cost in self.costs)

    @property
    def cpu(self) -> float:
        return statistics.median(cost.cpu for cost in self.costs)

    @property
    def spread(self) -> str:
        walls = [cost.wall for cost in self.costs]
        return f"{min(walls):.3f}-{max(walls):.3f}"


@dataclass(frozen=True)
class Comparison:
    """Ours beside theirs. `limit` is the largest ratio of the medians that is promised; None where none is."""

    what: str
    ours: Series
    theirs: Series
    limit: float | None

    @property
    def ratio(self) -> float:
        return self.ours.wall / self.theirs.wall

    @property
    def holds(self) -> bool:
        return self.limit is None or self.ratio <= self.limit


def run(command: Command, environment: Mapping[str, str], folder: Path | None = None) -> bytes:
    """Its output. Ends the measurement with what the command said where it fails."""
    return finished(command, environment, folder).stdout


def finished(
    command: Command, environment: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    words = [str(word) for word in command]
    done = subprocess.run(words, env=dict(environment), cwd=folder, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"error: `{' '.join(words)}` failed ({done.returncode})\n{done.stderr.decode(errors='replace')}")
    return done


def cost_of(work: Callable[[], object]) -> Cost:
    """What *work* and the processes that it waits for cost. Older writes have reached the disk before it starts."""
    os.sync()
    before, started = _cpu(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - started, _cpu() - before)


def interleaved(
    rounds: int, ours: tuple[str, Callable[[], Cost]], theirs: tuple[str, Callable[[], Cost]]
) -> tuple[Series, Series]:
    """Both sides in turn, each going first in every other round, so that a drift of the machine hits both alike."""
    left, right = Series(ours[0]), Series(theirs[0])
    for number in range(rounds):
        pairs = [(left, ours[1]), (right, theirs[1])]
        for series, measured in pairs if number % 2 == 0 else reversed(pairs):
            series.costs.append(measured())
    return left, right


def peak_memory(command: Command, environment: Mapping[str, str]) -> int:
    """The largest sum, in bytes, of what all processes of *command* hold: a page that two share counts once.

    Sampled from /proc every 20 ms, so in a run of its own that no time is taken from.
    """
    words = [str(word) for word in command]
    process = subprocess.Popen(words, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    drained = threading.Thread(target=lambda: process.stderr and process.stderr.read(), daemon=True)
    drained.start()
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_proportional_size(pid) for pid in _family(process.pid)))
        time.sleep(0.02)
    drained.join()
    if process.returncode:
        sys.exit(f"error: `{' '.join(words)}` failed ({process.returncode})")
    return peak


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))
    except (FileNotFoundError, ProcessLookupError):
        return


def _proportional_size(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return 0


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
