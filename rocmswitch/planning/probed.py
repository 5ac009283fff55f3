"""What the probe's reports of this machine say of one stack on one card."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property

from rocmswitch.model.gpucode import OVERRIDE
from rocmswitch.model.probe import BAD, OK, Outcome, Report, Surroundings
from rocmswitch.planning.probing import operations
from rocmswitch.planning.purposes import is_convolution, is_tried_for, speaks_for

_WHOLE = "float32"
"""What fails in another type alone is that type's failure."""
_BY_MIOPEN = ("batch-norm", "lstm", "gru", "training")
"""What MIOpen computes, too, while it is not switched off."""


@dataclass(frozen=True)
class Probed:
    """Each operation by its newest outcome, and when the probe looked last. Nothing where it never did."""

    outcomes: tuple[Outcome, ...] = ()
    created: str = ""

    @cached_property
    def bad(self) -> dict[str, tuple[Outcome, ...]]:
        """What fails, by the word that tells it: a group, or a type where `float32` works in that group."""
        found: dict[str, list[Outcome]] = {}
        for one in self.outcomes:
            if one.result in BAD:
                found.setdefault(self._word(one), []).append(one)
        return {word: tuple(outcomes) for word, outcomes in found.items()}

    @cached_property
    def good(self) -> frozenset[str]:
        """Groups and types of which everything that the probe has was tried and works; `torch` where anything does.

        A hang may show at one size alone, so that a few operations take back nothing of what a manifest tells.
        """
        fine = {one.operation for one in self.outcomes if one.result == OK}
        if not fine:
            return frozenset()
        names = {one.name for one in fine}
        return frozenset(word for word, needed in _all_of().items() if needed <= names) | {"torch"}

    def failing(self, purpose: str) -> dict[str, tuple[Outcome, ...]]:
        """Those of `bad` that *purpose* suffers from."""
        asked = {
            word: tuple(one for one in outcomes if is_tried_for(one.operation, purpose))
            for word, outcomes in self.bad.items()
        }
        return {word: outcomes for word, outcomes in asked.items() if outcomes}

    def confirms(self, purpose: str) -> bool:
        """Whether something of *purpose* was tried and works, and nothing that it needs fails."""
        spoken = any(one.result == OK and speaks_for(one.operation, purpose) for one in self.outcomes)
        return spoken and not self.failing(purpose)

    def tried(self, purpose: str) -> int:
        """How many operations were tried for *purpose*."""
        return sum(one.result in (OK, *BAD) and is_tried_for(one.operation, purpose) for one in self.outcomes)

    def _word(self, outcome: Outcome) -> str:
        operation = outcome.operation
        whole = any(
            one.result == OK and one.operation.group == operation.group and one.operation.dtype == _WHOLE
            for one in self.outcomes
        )
        return operation.dtype if whole and operation.dtype != _WHOLE else operation.group


@dataclass(frozen=True)
class Setting:
    """What `use` would make of a stack: only a probe of the same says what it does."""

    stack: str
    target: str
    torch: str
    convolutions: str
    """`vendor` or `fallback`."""
    override: str
    """HSA_OVERRIDE_GFX_VERSION, with which a card runs another one's code."""

    def is_of(self, around: Surroundings) -> bool:
        """A substitute says nothing of a card."""
        same = (around.stack, around.target, around.torch) == (self.stack, self.target, self.torch)
        override = dict(around.environment).get(OVERRIDE, "")
        return bool(self.torch) and same and not around.is_substitute and override == self.override


def probed(reports: Iterable[Report], setting: Setting) -> Probed:
    """What *reports*, the newest first, say of *setting*."""
    newest: dict[str, Outcome] = {}
    created = ""
    for report in reports:
        if setting.is_of(report.surroundings):
            counting = [one for one in report.outcomes if _counts(one, report, setting.convolutions)]
            created = created or (report.created if counting else "")
            for one in counting:
                newest.setdefault(one.operation.name, one)
    return Probed(tuple(newest.values()), created)


@cache
def _all_of() -> dict[str, frozenset[str]]:
    """The names of all operations of each group and of each type."""
    found: dict[str, set[str]] = {}
    for one in operations():
        for word in (one.group, one.dtype):
            found.setdefault(word, set()).add(one.name)
    return {word: frozenset(names) for word, names in found.items()}


def _counts(outcome: Outcome, report: Report, convolutions: str) -> bool:
    """A probe that was stopped confirms nothing; one whose convolutions were others' says nothing of these."""
    if report.is_partial and outcome.result not in BAD:
        return False
    return report.surroundings.convolutions == convolutions or not _depends_on_miopen(outcome)


def _depends_on_miopen(outcome: Outcome) -> bool:
    return is_convolution(outcome.operation.group) or outcome.operation.group in _BY_MIOPEN
