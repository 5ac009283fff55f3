"""How good one stack is for one card, and which of two is better: as `recommend` orders and doctor advises."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from rocmswitch.model.convolutionwords import FALLBACK
from rocmswitch.model.gpucode import OVERRIDE
from rocmswitch.model.recommendation import (
    BLOCKED,
    CONFIRMED,
    FAILS,
    MAY_RUN,
    NONE,
    RUNS,
    STANDINGS,
    SURENESS,
    TOOLS,
    UNKNOWN,
    UNVERIFIED,
    Failure,
)
from rocmswitch.model.stack import Gpu, Stack
from rocmswitch.planning.probed import Probed
from rocmswitch.planning.purposes import ANY, CORE, is_asked, is_convolution, way_round

UNNAMED = Gpu(support="unknown")
"""What a manifest says of a card that it does not name."""
_OPTIONAL = "profiles"
"""What `use` does not set by itself, so that it need not have been read anywhere."""

_Rank = tuple[int, bool, int, int, bool, bool, int, int, tuple[int, ...], str]


@dataclass(frozen=True)
class Verdict:
    """What is known of *stack* on a card, for a purpose, by its manifest and by the probe on this machine."""

    stack: Stack
    standing: str
    sureness: str
    failures: tuple[Failure, ...]
    confirmed: bool
    """By the probe, whatever else is known."""
    overrides: bool
    """It takes the card for another one."""

    @property
    def rank(self) -> _Rank:
        """To order by, the best first: a total order, in which no stack's place depends on another one."""
        hard = [one for one in self.failures if one.asked and (one.seen or not one.way_round)]
        lesser = [one for one in self.failures if one.asked and not one.seen and one.way_round]
        release = Version(self.stack.rocm.version).release
        return (
            STANDINGS.index(self.standing),
            not self.stack.pytorch,
            len(hard) if self.standing != FAILS else 0,  # without PyTorch it does not matter what else fails
            SURENESS.index(self.sureness),
            not self.confirmed,
            self.overrides,
            len(lesser),
            len(self.failures),
            tuple(-part for part in (*release, 0, 0, 0)[:4]),
            self.stack.name,
        )


def judge(
    stack: Stack, target: str, purpose: str = ANY, probed: Probed | None = None, *, blocked: bool = False
) -> Verdict:
    """*stack* on *target*. *blocked*: this machine lacks something that it needs."""
    probed, known = probed or Probed(), stack.gpus.get(target, UNNAMED)
    failures = (*_seen(probed, purpose), *_known(known, probed, purpose))
    confirmed = probed.confirms(purpose)
    sureness = known_sureness(stack, target)
    if confirmed and SURENESS.index(sureness) > SURENESS.index(CONFIRMED):
        sureness = CONFIRMED
    standing = BLOCKED if blocked else _standing(stack, sureness, failures)
    return Verdict(stack, standing, sureness, failures, confirmed, OVERRIDE in known.environment)


def known_sureness(stack: Stack, target: str) -> str:
    """What the manifest alone says of *target*: one of SURENESS."""
    known = stack.gpus.get(target)
    if known is None or known.support in (UNKNOWN, NONE):
        return known.support if known else UNKNOWN
    return UNVERIFIED if is_unverified(stack, target) else known.support


def is_unverified(stack: Stack, target: str) -> bool:
    """Whether the manifest says of something that matters of *target* that it was not read in a source."""
    card = f"gpus.{target}"
    return any(
        key in ("gpus", card) or (key.startswith(f"{card}.") and key.split(".")[2] != _OPTIONAL)
        for key in stack.unverified
    )


def _standing(stack: Stack, sureness: str, failures: tuple[Failure, ...]) -> str:
    broken = any(one.word in CORE and (one.asked or not one.seen) for one in failures)
    if sureness == NONE or (broken and stack.pytorch):
        return FAILS
    if sureness == UNKNOWN:
        return MAY_RUN
    return RUNS if stack.pytorch else TOOLS


def _seen(probed: Probed, purpose: str) -> list[Failure]:
    """What the probe saw failing here: what was asked for first."""
    asked = probed.failing(purpose)
    found = []
    for word, outcomes in probed.bad.items():
        said = asked.get(word, outcomes)
        results = ", ".join(dict.fromkeys(one.result for one in said))
        names = ", ".join(one.operation.name for one in said[:2]) + (" …" if len(said) > 2 else "")
        found.append(Failure(word, word in asked, f"{results}: {names}", way_round(word)))
    return sorted(found, key=lambda one: not one.asked)


def _known(known: Gpu, probed: Probed, purpose: str) -> list[Failure]:
    """What the manifest tells, as far as the probe has not seen it otherwise and nothing stands in for it."""
    return [
        Failure(word, is_asked(word, purpose), "", way_round(word))
        for word in known.known_bad
        if word not in probed.good
        and word not in probed.bad
        and not (is_convolution(word) and known.convolutions == FALLBACK)
    ]
