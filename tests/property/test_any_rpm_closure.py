"""The closure of any small rpm repository is what libsolv makes of it."""

from __future__ import annotations

import random

from rocmswitch.errors import UnresolvedDependency
from rocmswitch.metadata.rpmversion import RPM
from rocmswitch.planning.closure import resolve_closure
from tests.support.rpmpackages import Entry, index, primary, solved

REPOSITORIES = 200


def _relation(chosen: random.Random, names: list[str], *, bounds: bool = True) -> str:
    name = chosen.choice(names)
    if bounds and chosen.random() < 0.3:
        return f"{name} {chosen.choice(['<', '<=', '=', '>=', '>'])} {chosen.choice(['1', '2', '2-1', '3'])}"
    return name


def _rich(chosen: random.Random, names: list[str]) -> str:
    one, two, three = (_relation(chosen, names) for _ in range(3))
    forms = [
        f"({one} or {two})",
        f"({one} and {two})",
        f"({one} if {two})",
        f"({one} if {two} else {three})",
        f"(({one} and {two}) if {three})",
        f"({one} or ({two} and {three}))",
        f"({one} with {two})",
        f"({one} without {two})",
        f"(({one} with {two}) or {three})",
    ]
    return chosen.choice(forms)


def _repository(seed: int) -> list[Entry]:
    """Small: few names, so that packages meet; every third one larger, with chains of packages that get along."""
    chosen = random.Random(seed)
    large = seed % 3 == 0
    names = [f"p{number:02}" for number in range(chosen.randint(15, 45) if large else chosen.randint(3, 9))]
    virtual = [f"v{number}" for number in range(7 if large else 2)] + ["libx.so.1()(64bit)"]
    trouble = 0.04 if large else 0.15
    found = []
    for name in names:
        for version in chosen.sample(["1-1", "2-1", "2-2", "3-1", "1:1-1"], chosen.choice([1, 1, 2])):
            requires = [_relation(chosen, names + virtual) for _ in range(chosen.choice([0, 0, 1, 2]))]
            if chosen.random() < 0.3:
                requires.append(_rich(chosen, names + virtual))
            if chosen.random() < 0.1:
                requires.append("/usr/bin/f")
            provides = [_provided(chosen, virtual) for _ in range(chosen.choice([0, 0, 1, 1, 2]))]
            conflicts = [_relation(chosen, names + virtual)] if chosen.random() < trouble else []
            obsoletes = [_relation(chosen, names)] if chosen.random() < trouble else []
            files = "/usr/bin/f" if chosen.random() < 0.2 else ""
            lists = [", ".join(one) for one in (requires, provides, conflicts, obsoletes)]
            found.append(Entry(name, version, *lists, files=files))
    return sorted(found, key=lambda one: (one.name, one.version))


def _provided(chosen: random.Random, virtual: list[str]) -> str:
    name = chosen.choice(virtual)
    return f"{name} = {chosen.choice(['1', '2', '3-1'])}" if chosen.random() < 0.4 else name


def _ours(entries: list[Entry], roots: tuple[str, ...]) -> set[str] | None:
    try:
        closure = resolve_closure(roots, [(index(*entries), 500)], versions=RPM)
    except UnresolvedDependency:
        return None
    return {f"{one.name}-{one.version}.x86_64" for one in closure.packages}


def test_any_closure_is_the_one_that_libsolv_makes(tmp_path):
    asked, ours = [], []
    for seed in range(REPOSITORIES):
        entries = _repository(seed)
        path = tmp_path / f"{seed}.xml"
        path.write_bytes(primary(entries))
        names = sorted({one.name for one in entries})
        for roots in [*((name,) for name in names[:9]), tuple(random.Random(seed).sample(names, 2))]:
            asked.append((path, roots))
            ours.append(_ours(entries, roots))

    theirs = solved(asked)

    differing = [
        (path.stem, roots, a, b) for (path, roots), a, b in zip(asked, ours, theirs, strict=True) if a != b
    ]
    assert differing == []
