"""Which of several files of one module depmod takes: the rules of depmod.d(5), and what it does without one.

depmod walks the kernel's folder as readdir(3) gives it and compares each file with the one it has so far. A file in
a place of the `search` list beats those that come later in the list; the suffix (`.ko`, `.ko.xz`) does not count at
all. Between equals the one that was seen first stays, but of two in the same listed place the later one wins
(`depmod_module_is_higher_priority` of tools/depmod.c, kmod 30 to 34). So the order of the folder decides between
twins, and it is asked for here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_IN_TREE = "built-in"
_NEVER_WALKED = ("build", "source")


@dataclass(frozen=True)
class SearchRules:
    """What depmod.d says for one kernel."""

    places: tuple[str, ...] = ("updates",)
    """The best one first. `built-in` stands for every folder that is not named."""
    overrides: tuple[str, ...] = ()
    """Paths without a suffix that win against all, the strongest first."""
    excluded: tuple[str, ...] = _NEVER_WALKED
    """Names of folders that are not walked."""


def parse_rules(texts: Iterable[str], release: str) -> SearchRules:
    """The rules for the kernel *release* from the *texts* of the files of depmod.d, in the order of their names."""
    places: list[str] = []
    overrides: list[str] = []
    excluded = list(_NEVER_WALKED)
    for words in _lines(texts):
        match words:
            case ["search", *named]:
                places += named
            case ["override", module, version, folder, *_] if _concerns(version, release):
                overrides.insert(0, f"{folder}/{module}")
            case ["exclude", *named]:
                excluded += named
    return SearchRules(tuple(places) or SearchRules.places, tuple(overrides), tuple(excluded))


def in_order_of_preference(paths: Sequence[str], rules: SearchRules) -> tuple[str, ...]:
    """Files of one module, the one first that depmod takes, then the one it would take if that were not there.

    *paths* are below the kernel's folder, in the order in which readdir(3) gives them.
    """
    left, ordered = list(paths), []
    while left:
        best = left[0]
        for path in left[1:]:
            best = path if _replaces(path, best, rules) else best
        ordered.append(best)
        left.remove(best)
    return tuple(ordered)


def _lines(texts: Iterable[str]) -> Iterable[list[str]]:
    for text in texts:
        for line in text.replace("\\\n", "").splitlines():
            if not line.startswith("#"):
                yield line.split()


def _concerns(version: str, release: str) -> bool:
    if version == "*":
        return True
    try:
        return re.search(version, release) is not None
    except re.error:
        return False


def _replaces(new: str, old: str, rules: SearchRules) -> bool:
    """Whether depmod lets go of *old*, which it has, for *new*, which it comes to."""
    for override in rules.overrides:
        if _without_suffix(new) == override:
            return True
        if _without_suffix(old) == override:
            return False
    ranks = {place: rank for rank, place in enumerate(reversed(rules.places))}
    in_tree = ranks.pop(_IN_TREE, -1)
    new_rank = old_rank = -1
    for place, rank in ranks.items():
        # As depmod has it: where both lie in one place, that of the old one is not noticed.
        if new.startswith(f"{place}/"):
            new_rank = rank
        elif old.startswith(f"{place}/"):
            old_rank = rank
    return (in_tree if new_rank < 0 else new_rank) > (in_tree if old_rank < 0 else old_rank)


def _without_suffix(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}"
