"""Many sides of one question, measured in rounds that are shuffled, and the lines that say what came out."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.measure import Cost, Series

SEED = 3
"""The order of the sides is another in each round, and the same in each run."""


def shuffled(rounds: int, sides: Mapping[str, Callable[[], float]]) -> dict[str, Series]:
    """Seconds of each side, once a round, so that a drift of the machine hits all alike."""
    found = {name: Series(name) for name in sides}
    order = random.Random(SEED)
    for _ in range(rounds):
        for name in order.sample(list(sides), len(sides)):
            found[name].costs.append(Cost(sides[name](), 0))
    return found


def added(one: Series, floor: Series) -> float:
    """The median of what *one* took longer than *floor* in the same round."""
    pairs = zip(one.costs, floor.costs, strict=True)
    return statistics.median(left.wall - right.wall for left, right in pairs)


@dataclass(frozen=True)
class Check:
    """A promise. `shown` is the limit as people read it: `20 µs`."""

    value: float
    limit: float
    shown: str

    @property
    def holds(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        return f"<= {self.shown} {'holds' if self.holds else 'MISSED'}"


@dataclass(frozen=True)
class Row:
    """One side of one question."""

    what: str
    side: str
    figure: str
    more: str = ""
    checks: tuple[Check, ...] = ()

    @property
    def missed(self) -> bool:
        return not all(check.holds for check in self.checks)

    def __str__(self) -> str:
        verdicts = "; ".join(str(check) for check in self.checks)
        return f"{self.what:<24} {self.side:<28} {self.figure:<32} {self.more:<44} {verdicts}".rstrip()


def ratio_check(ours: float, theirs: float, limit: float) -> Check:
    return Check(ours / theirs, limit, f"{limit:g} ×")


def spread(series: Series) -> str:
    """The median, and the fastest and the slowest round."""
    walls = [cost.wall for cost in series.costs]
    return f"{readable(series.wall)} ({readable(min(walls))} to {readable(max(walls))})"


def readable(seconds: float) -> str:
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if abs(seconds) * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
