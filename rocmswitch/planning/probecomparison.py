"""Two reports of the probe side by side: what got better, worse, faster and slower."""

from __future__ import annotations

from dataclasses import dataclass, fields

from rocmswitch.model.probe import BAD, OK, SKIPPED, Outcome, Report, Surroundings

BETTER, WORSE, OTHER, FASTER, SLOWER, ONE_SIDED = "better", "worse", "other", "faster", "slower", "one-sided"
KINDS = (WORSE, BETTER, OTHER, SLOWER, FASTER, ONE_SIDED)
"""What is shown first stands first. OTHER fails in another way, ONE_SIDED was tried in one of the two alone."""
_FACTOR, _FACTOR_OF_SHORT = 1.25, 2.5
"""How many times faster or slower counts, if it is beyond what repetitions differ by in both runs.

What takes less than _SHORT measures how fast the processor starts kernels: that differed up to 2.1 times between
three runs on one machine with an NVIDIA H200, and hardly within a run.
"""
_SHORT = 5e-3
"""Seconds."""
_JITTER = 20e-6
"""Seconds that starting a kernel differs by from run to run."""
_WORDS = {
    "card": "card",
    "target": "target",
    "device_name": "device",
    "torch": "torch",
    "hip": "hip",
    "python": "Python",
    "stack": "stack",
    "kernel": "kernel",
    "driver": "amdgpu",
    "glibc": "glibc",
    "convolutions": "convolutions",
    "environment": "variables",
}


@dataclass(frozen=True)
class Change:
    """One operation that is not as it was. It was not tried where an outcome is None."""

    kind: str
    before: Outcome | None
    after: Outcome | None

    @property
    def name(self) -> str:
        known = self.before or self.after
        return known.operation.name if known else ""

    @property
    def factor(self) -> float:
        """How many times as long it takes; 0 where a time is not known."""
        if self.before is None or self.after is None or not self.before.seconds:
            return 0.0
        return self.after.seconds / self.before.seconds


@dataclass(frozen=True)
class Comparison:
    """`unchanged` counts operations that came to the same on both sides."""

    changes: tuple[Change, ...]
    surroundings: tuple[tuple[str, str, str], ...]
    """What differs between the two runs: what it is, before, after."""
    unchanged: int

    def of_kind(self, kind: str) -> tuple[Change, ...]:
        return tuple(one for one in self.changes if one.kind == kind)

    @property
    def is_worse(self) -> bool:
        """Whether something that worked does not any more. Being slower is no fault."""
        return bool(self.of_kind(WORSE))


def compare(before: Report, after: Report) -> Comparison:
    """What changed from *before* to *after*, by the names of operations."""
    old, new = ({one.operation.name: one for one in report.outcomes} for report in (before, after))
    pairs = [(old.get(name), new.get(name)) for name in dict.fromkeys((*old, *new))]
    judged = [Change(_kind(one, other), one, other) for one, other in pairs]
    changes = sorted((one for one in judged if one.kind), key=lambda one: KINDS.index(one.kind))
    return Comparison(tuple(changes), _differing(before.surroundings, after.surroundings), _same(judged))


def _same(judged: list[Change]) -> int:
    return sum(not one.kind for one in judged)


def _kind(before: Outcome | None, after: Outcome | None) -> str:
    """Empty where nothing is to be said."""
    old = before.result if before else SKIPPED
    new = after.result if after else SKIPPED
    if SKIPPED in (old, new):
        return ONE_SIDED if old != new else ""
    if (old in BAD) != (new in BAD):
        return WORSE if new in BAD else BETTER
    if old != new:
        return OTHER
    return _by_time(before, after) if before and after and new == OK else ""


def _by_time(before: Outcome, after: Outcome) -> str:
    old, new = before.seconds, after.seconds
    if not old or not new or abs(new - old) < max(_JITTER, before.spread + after.spread):
        return ""
    factor = _FACTOR if min(old, new) >= _SHORT else _FACTOR_OF_SHORT
    if new > old * factor:
        return SLOWER
    return FASTER if old > new * factor else ""


def _differing(before: Surroundings, after: Surroundings) -> tuple[tuple[str, str, str], ...]:
    """What is the same under two words, as a card and what torch calls it, is said once for each."""
    pairs = (
        (_WORDS[one.name], _text(before, one.name), _text(after, one.name))
        for one in fields(before)
        if one.name in _WORDS
    )
    return tuple((word, old, new) for word, old, new in pairs if old != new)


def _text(one: Surroundings, name: str) -> str:
    value = getattr(one, name)
    return " ".join("=".join(pair) for pair in value) if isinstance(value, tuple) else str(value)
