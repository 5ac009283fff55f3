"""What each stack gives a card: how well it is supported there, what fails, and where one can read that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from packaging.version import Version

from rocmswitch.model.stack import Gpu, Stack
from rocmswitch.planning.verdict import is_unverified

_ORDER = ("official", "community", "reported", "partial", "none", "unknown")
"""Words of support, the best first."""
_UNKNOWN = Gpu(support="unknown")
_FEW = 3
"""Pieces of evidence that a group names."""


@dataclass(frozen=True)
class Support:
    """What one stack's manifest says of a card."""

    stack: str
    support: str
    """One of _ORDER; `unknown` where the manifest does not name the card."""
    known_bad: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    convolutions: str = "vendor"
    evidence: tuple[str, ...] = ()
    is_read: bool = True
    """What matters of it was read in a source."""

    @property
    def vendor(self) -> str:
        """`rocm` of `rocm-6.2.4`."""
        return self.stack.rpartition("-")[0]


@dataclass(frozen=True)
class Group:
    """Stacks that give a card the same."""

    support: str
    stacks: str
    """For people, the newest first: `rocm-7.2.4 … rocm-6.2.0 (23)` are all that there are between the two."""
    count: int
    known_bad: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    convolutions: str
    evidence: tuple[str, ...]
    """Some of it."""
    further: int
    """How much more there is."""
    unread: int
    """Of so many something that matters was not read in a source."""


def support_of(target: str, stacks: Iterable[Stack]) -> tuple[Support, ...]:
    """What each of *stacks* gives *target*, the newest ROCm first."""
    newest = sorted(stacks, key=lambda one: (Version(one.rocm.version), one.name), reverse=True)
    return tuple(_support(one, target) for one in newest)


def grouped(known: Sequence[Support]) -> tuple[Group, ...]:
    """*known* by what is the same of it, the best support first."""
    groups: dict[tuple[object, ...], list[Support]] = {}
    for one in known:
        same = (one.support, one.known_bad, one.environment, one.convolutions)
        groups.setdefault(same, []).append(one)
    found = sorted(groups.values(), key=lambda group: (_ORDER.index(group[0].support), known.index(group[0])))
    return tuple(_group(group, known) for group in found)


def _support(stack: Stack, target: str) -> Support:
    gpu = stack.gpus.get(target, _UNKNOWN)
    return Support(
        stack.name,
        gpu.support,
        gpu.known_bad,
        tuple(sorted(gpu.environment.items())),
        gpu.convolutions,
        gpu.evidence,
        not is_unverified(stack, target),
    )


def _group(members: Sequence[Support], known: Sequence[Support]) -> Group:
    first = members[0]
    evidence = tuple(dict.fromkeys(piece for one in members for piece in one.evidence))
    return Group(
        first.support,
        ", ".join(_runs(members, known)),
        len(members),
        first.known_bad,
        first.environment,
        first.convolutions,
        evidence[:_FEW],
        len(evidence[_FEW:]),
        sum(not one.is_read for one in members),
    )


def _runs(members: Sequence[Support], known: Sequence[Support]) -> Iterator[str]:
    """*members* by vendor, those that follow one another in all that is known of the vendor as one run."""
    inside = set(members)
    for vendor in dict.fromkeys(one.vendor for one in members):
        line = [one for one in known if one.vendor == vendor]
        for is_inside, run in groupby(line, key=inside.__contains__):
            names = [one.stack for one in run]
            if is_inside:
                yield f"{names[0]} … {names[-1]} ({len(names)})" if len(names) > 2 else ", ".join(names)
