"""What `recommend` tells people: a line about the machine, the first in full, the rest in a line each."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from itertools import groupby

from rocmswitch.model.recommendation import BLOCKED, FAILS, MAY_RUN, TOOLS, Failure, Machine, Recommendation, Way
from rocmswitch.operations.recommend import Advice
from rocmswitch.planning.limits import versions

IN_FULL = 3
_NAMED = 6
"""Stacks of which the same is to be said that are called by their names; the rest is counted."""
_STANDING = {
    TOOLS: "ROCm without PyTorch",
    MAY_RUN: "nobody knows",
    FAILS: "PyTorch does not run",
    BLOCKED: "not on this machine",
}


def lines(advice: Advice, *, everything: bool) -> Iterator[str]:
    """All of it. Stacks of which the same is to be said stand together, except with *everything*."""
    yield from _about(advice.machine, advice.purpose)
    groups = [[one] for one in advice.recommendations] if everything else _alike(advice.recommendations)
    first, was_full = 1, True
    for number, group in enumerate(groups):
        place = f"{first}" if len(group) == 1 else f"{first}-{first + len(group) - 1}"
        full = everything or (number < IN_FULL and bool(group[0].command))
        if full or was_full:
            yield ""
        yield from _in_full(place, group) if full else (_in_short(place, group),)
        first, was_full = first + len(group), full
    if advice.ways:
        yield ""
        yield f"Besides: {'; '.join(map(_way, advice.ways))}."


def _about(machine: Machine, purpose: str) -> Iterator[str]:
    card = f"{machine.target} ({machine.name})" if machine.name else machine.target
    python = f"Python {machine.wanted}" if machine.wanted else f"Python {_pythons(machine)}"
    facts = [
        f"glibc {machine.glibc}" if machine.glibc else "an unknown C library",
        f"kernel {machine.kernel}" if machine.kernel else "",
        machine.architecture,
        python,
    ]
    yield f"For {card}{f' and {purpose}' if purpose else ''}, with {', '.join(filter(None, facts))}"
    if machine.integrated and machine.others:
        yield f"{machine.target} is part of the processor"
    if machine.others:
        commands = " and ".join(f"`rocmswitch recommend --gpu {one}`" for one in machine.others)
        yield f"This machine has {' and '.join(machine.others)} as well: {commands}"
    if machine.ahead:
        part = f"{machine.ahead} first, which is part of the processor"
        yield f"Programs are given {part}: `rocmswitch doctor` says how to hide it"
    if machine.idle:
        yield "No driver offers programs a GPU in this card: `rocmswitch doctor` says why"


def _pythons(machine: Machine) -> str:
    tags = sorted(machine.pythons, key=lambda tag: int(tag.rstrip("t")[3:]))
    return versions(tuple(tags)) if tags else "none"


def _alike(recommendations: Iterable[Recommendation]) -> list[list[Recommendation]]:
    return [list(group) for _, group in groupby(recommendations, key=_said)]


def _said(one: Recommendation) -> tuple[object, ...]:
    """What is said of it besides its versions."""
    limits = tuple((limit.what, limit.needs, limit.has) for limit in one.limits)
    pythons = one.pythons if one.command else ()
    return one.standing, one.sureness, one.reasons, one.failures, one.evidence, limits, pythons


def _in_full(place: str, group: list[Recommendation]) -> Iterator[str]:
    best, *others = group
    yield f"{place}. {best.stack}: {_title(best)}"
    if best.command:
        yield f"   rocmswitch {shlex.join(best.command)}"
    for line in (*best.limits, *best.reasons):
        yield f"   {line}"
    if best.torch and best.pythons:
        yield f"   torch {best.torch}, {_of_python(best)}"
    yield from (f"   {note}" for note in best.notes)
    yield from _failing(best.failures)
    yield f"   evidence: {', '.join(best.evidence) or 'its manifest names none'}"
    if others:
        yield f"   the same with {_named([_with_torch(one) for one in others])}"


def _title(one: Recommendation) -> str:
    return f"{_STANDING[one.standing]}, {one.sureness}" if one.standing in _STANDING else one.sureness


def _of_python(one: Recommendation) -> str:
    first, last = one.pythons[0], one.pythons[-1]
    return f"Python {first}" if first == last else f"Python {first} to {last}"


def _with_torch(one: Recommendation) -> str:
    return f"{one.stack} (torch {one.torch.partition('+')[0]})" if one.torch else one.stack


def _failing(failures: tuple[Failure, ...]) -> Iterator[str]:
    known = [_failure(one) for one in failures if one.asked and not one.seen]
    seen = [f"{one.word} ({one.seen})" for one in failures if one.asked and one.seen]
    besides = [one.word for one in failures if not one.asked]
    for title, told in (("failed here", seen), ("known to fail", known), ("fails too, not asked for", besides)):
        if told:
            yield f"   {title}: {', '.join(told)}"


def _failure(one: Failure) -> str:
    return f"{one.word} ({one.way_round})" if one.way_round else one.word


def _in_short(place: str, group: list[Recommendation]) -> str:
    best = group[0]
    told = [str(best.limits[0])] if best.limits else list(best.reasons[:1])
    words = [one.word for one in best.asked_failures]
    told += [f"known to fail: {', '.join(words)}"] if words else []
    told += [f"evidence: {', '.join(best.evidence)}"] if best.evidence and not best.limits else []
    command = f" (`rocmswitch {shlex.join(best.command)}`)" if best.command else ""
    return f"{place}. {_named([one.stack for one in group])}: {_title(best)}; {'; '.join(told)}{command}"


def _named(names: list[str]) -> str:
    """The first of them, and how many there are besides."""
    rest = len(names) - _NAMED
    return f"{', '.join(names[:_NAMED])} and {rest} more" if rest > 1 else ", ".join(names)


def _way(way: Way) -> str:
    return f"{way.text} (`rocmswitch {shlex.join(way.command)}`)" if way.command else way.text
