"""Everything that could be chosen for some roots, as rules over numbered packages.

A rule is a list of numbers of which one must hold: `7` that package 7 is chosen, `-7` that it is not. So a need
of package 3 that 5 and 8 answer is (-3, 5, 8), and a conflict (-3, -5).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rocmswitch.errors import UnresolvedDependency, VerificationFailed
from rocmswitch.model.package import Dependency, Package
from rocmswitch.planning.rpmoffers import RpmOffers

Rule = tuple[int, ...]

_MOST_PACKAGES = 100_000
_MOST_CHOICES = 4096
"""Rules that one dependency may become, where it asks for several things not to be there."""


SAME = "is beside"


@dataclass(frozen=True)
class Rules:
    """The packages that can be reached, numbered from 1, and what holds between them."""

    packages: list[Package]
    """Number 1 is the first."""
    needs: tuple[Rule, ...]
    """In the order in which libsolv looks at them: those of the last package first."""
    roots: tuple[Rule, ...]
    exclusions: Mapping[int, Mapping[int, str]]
    """By a package, those that cannot be chosen beside it. The verb is empty where it is the other that says so."""

    def package(self, number: int) -> Package:
        return self.packages[abs(number) - 1]


def make_rules(roots: Sequence[str], offers: RpmOffers) -> Rules:
    """Raises UnresolvedDependency where there is nothing for a root."""
    asked = [offers.asked(root) for root in roots]
    reached = _reached((one for group in asked for one in group), offers)
    # By name, as a repository lists them: which choice is made first depends on it.
    packages = sorted(reached, key=lambda one: (one.name, one.version, one.source))
    numbers = {id(one): number for number, one in enumerate(packages, 1)}
    needs = {
        rule
        for number, one in enumerate(packages, 1)
        for dependency in one.depends
        for rule in _rules_of(number, dependency, numbers, offers)
    }
    wanted = [tuple(numbers[id(one)] for one in group) for group in asked]
    return Rules(packages, tuple(sorted(needs)), tuple(wanted), _exclusions(packages, numbers, offers))


def _exclusions(packages: list[Package], numbers: dict[int, int], offers: RpmOffers) -> dict[int, dict[int, str]]:
    found: dict[int, dict[int, str]] = {}
    for number, package in enumerate(packages, 1):
        # Another version of the same package, and one for another processor, lie in the same place.
        same = ((SAME, one) for one in offers.named(package.name) if one is not package)
        for verb, other in (*offers.excluded(package), *same):
            if id(other) in numbers:
                found.setdefault(number, {}).setdefault(numbers[id(other)], verb)
                found.setdefault(numbers[id(other)], {}).setdefault(number, "")
    return found


def _reached(roots: Iterable[Package], offers: RpmOffers) -> list[Package]:
    found = {id(one): one for one in roots}
    waiting = list(found.values())
    while waiting:
        for relation in itertools.chain(*waiting.pop().depends):
            if relation.absent:
                continue
            new = [one for one in offers.answering(relation) if id(one) not in found]
            found.update({id(one): one for one in new})
            waiting += new
        if len(found) > _MOST_PACKAGES:
            raise UnresolvedDependency(f"more than {_MOST_PACKAGES} packages could be needed")
    return list(found.values())


def _rules_of(number: int, dependency: Dependency, numbers: dict[int, int], offers: RpmOffers) -> Iterable[Rule]:
    """None where it holds in any case: the package answers it itself, or what is not to be there cannot be."""
    there: dict[int, None] = {}
    unwanted = []
    for relation in dependency:
        reached = [numbers[id(one)] for one in offers.answering(relation) if id(one) in numbers]
        if relation.absent:
            unwanted.append(reached)
        else:
            there.update(dict.fromkeys(reached))
    if number in there or any(not group for group in unwanted):
        return []
    count = 1
    for group in unwanted:
        count *= len(group)
    if count > _MOST_CHOICES:
        raise VerificationFailed("a dependency in the index is too long-winded to be followed")
    return [
        (-number, *sorted({*(-one for one in choice if one != number), *there}))
        for choice in itertools.product(*unwanted)
        if there.keys().isdisjoint(choice)
    ]
