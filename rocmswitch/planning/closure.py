"""The dependency closure of a stack's roots, as apt makes it on an empty system without recommendations.

Depth first; the first alternative that works; what is chosen already before anything new. At a dead end the
last open choice is made again. This chronological backtracking is enough, because the packages of an archive
are made to be installable together: dead ends are rare and shallow. A general solver (resolvelib) knows
neither alternatives nor virtual packages and would need a made-up name for each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rocmswitch.errors import UnresolvedDependency
from rocmswitch.metadata.debversion import DEBIAN
from rocmswitch.metadata.rpmversion import RPM
from rocmswitch.metadata.versions import Versions
from rocmswitch.model.grammar import parse_root
from rocmswitch.model.package import Package, Relation
from rocmswitch.planning.offers import Index, Offers
from rocmswitch.planning.rpmoffers import Lacks, RpmOffers, lacks_everything
from rocmswitch.planning.rpmrules import make_rules
from rocmswitch.planning.rpmsearch import Search
from rocmswitch.planning.selection import MANIFEST, Selection

_RETRY_LIMIT = 500
"""Choices made again before the first dead end is reported. Debian's releases need none at all."""


@dataclass(frozen=True)
class Closure:
    """Packages in the order in which they were asked for, and who asked."""

    packages: tuple[Package, ...]
    roots: tuple[str, ...]
    """Names of the packages that the manifest itself asks for."""
    needs: Mapping[str, tuple[str, ...]]
    """For each package by its name, those that satisfy its dependencies."""

    def reachable(self, roots: tuple[str, ...]) -> Closure:
        """The part of it that *roots*, names of packages in it, need."""
        waiting, found = list(roots), set(roots)
        while waiting:
            new = [one for one in self.needs[waiting.pop()] if one not in found]
            found.update(new)
            waiting += new
        packages = tuple(one for one in self.packages if one.name in found)
        return Closure(packages, roots, {one.name: self.needs[one.name] for one in packages})


def resolve_closure(
    roots: tuple[str, ...],
    indexes: Sequence[tuple[Index, int]],
    *,
    architecture: str = "amd64",
    proven: Collection[str] = (),
    versions: Versions = DEBIAN,
    lacks: Lacks = lacks_everything,
) -> Closure:
    """All packages that *roots* need, one version of each.

    *roots* are names that a version range may follow. *indexes* come with their priorities: the higher wins,
    between equals the newer version, then the earlier index. *proven* are names of packages that the host
    provably has: they stand in where no index satisfies a dependency, and of rpm so does what the host does not
    *lack*. By *versions* the packages are Debian's or rpm's, which are chosen as apt and as dnf would. Raises
    UnresolvedDependency, whose message names the chain that asked, for a conflict both chains.
    """
    if versions is RPM:
        return _rpm_closure(roots, RpmOffers(indexes, architecture, proven, lacks))
    search = _Search(Offers(indexes, architecture, proven))
    return search.run(_agenda(roots))


def _rpm_closure(roots: tuple[str, ...], offers: RpmOffers) -> Closure:
    rules = make_rules(roots, offers)
    packages = [rules.package(number) for number in Search(rules, offers).run()]
    chosen = {id(one): one.name for one in packages}
    needs = {
        one.name: tuple(
            dict.fromkeys(
                chosen[id(other)]
                for dependency in one.depends
                for relation in dependency
                if not relation.absent
                for other in offers.answering(relation)
                if id(other) in chosen and other is not one
            )
        )
        for one in packages
    }
    asked = (other for root in roots for other in offers.asked(root) if id(other) in chosen)
    return Closure(tuple(packages), tuple(dict.fromkeys(one.name for one in asked)), needs)


class _Wish(NamedTuple):
    """What is still to be done, and the rest of it: a linked list, so that going back costs nothing.

    Without relations it says that the dependencies of *asker* are to be looked at. `together` is for the
    roots, whose relations are bounds that must all hold, not alternatives.
    """

    asker: str
    relations: tuple[Relation, ...]
    rest: _Wish | None
    together: bool = False

    @property
    def text(self) -> str:
        return (", " if self.together else " | ").join(map(str, self.relations))


class _Point(NamedTuple):
    """A choice that can be made again, and how much had been chosen before it."""

    wish: _Wish
    untried: Iterator[Package]
    chosen: int
    needs: int


class _DeadEnd(Exception):
    """There is no way on from here. The message is for the user, if there is no other way either."""


def _agenda(roots: tuple[str, ...]) -> _Wish:
    """All roots are chosen before any of them is walked: one may be an alternative that another asks for."""
    agenda = _Wish(MANIFEST, (), None)
    for name, bounds in reversed([parse_root(root) for root in roots]):
        relations = tuple(Relation(name, operator, version) for operator, version in bounds)
        agenda = _Wish(MANIFEST, relations or (Relation(name),), agenda, together=True)
    return agenda


class _Search:
    """One search makes one closure."""

    def __init__(self, offers: Offers) -> None:
        self._offers = offers
        self._selection = Selection()
        self._needs: list[tuple[str, str]] = []
        self._points: list[_Point] = []
        self._retries = 0

    def run(self, agenda: _Wish | None) -> Closure:
        failure = ""
        while agenda is not None:
            try:
                agenda = self._advance(agenda)
            except _DeadEnd as dead:
                failure = failure or str(dead)
                agenda = self._choose_again(failure)
        return self._closure()

    def _advance(self, wish: _Wish) -> _Wish | None:
        """Satisfy *wish*; what is to be done then."""
        if not wish.relations:
            return self._walk(wish)
        options = self._offers.satisfying(wish.relations, together=wish.together)
        for package in options:
            if self._selection.packages.get(package.name) is package:
                self._needs.append((wish.asker, package.name))
                return wish.rest
        untried = iter(options)
        for package in untried:
            if self._selection.obstacle(package) is None:
                return self._choose(wish, package, untried)
        raise _DeadEnd(self._why_not(wish, options))

    def _walk(self, wish: _Wish) -> _Wish | None:
        rest = wish.rest
        if wish.asker == MANIFEST:
            for name in reversed(self._needed_by(MANIFEST)):
                rest = _Wish(name, (), rest)
            return rest
        for dependency in reversed(self._selection.packages[wish.asker].depends):
            rest = _Wish(wish.asker, dependency, rest)
        return rest

    def _choose(self, wish: _Wish, package: Package, untried: Iterator[Package]) -> _Wish | None:
        self._points.append(_Point(wish, untried, len(self._selection.packages), len(self._needs)))
        self._selection.add(package, wish.asker)
        self._needs.append((wish.asker, package.name))
        return wish.rest if wish.asker == MANIFEST else _Wish(package.name, (), wish.rest)

    def _choose_again(self, failure: str) -> _Wish | None:
        """Go back to the last choice that has an untried option. Raises UnresolvedDependency with *failure*."""
        while self._points and self._retries < _RETRY_LIMIT:
            point = self._points.pop()
            self._selection.cut(point.chosen)
            del self._needs[point.needs :]
            for package in point.untried:
                if self._selection.obstacle(package) is None:
                    self._retries += 1
                    return self._choose(point.wish, package, point.untried)
        raise UnresolvedDependency(failure)

    def _why_not(self, wish: _Wish, options: list[Package]) -> str:
        chain = self._selection.chain(wish.asker)
        if options:
            return f"{self._selection.obstacle(options[0])}, needed by {chain}"
        there = dict.fromkeys(str(one) for relation in wish.relations for one in self._offers.named(relation.name))
        instead = f" (there is {', '.join(f'`{one}`' for one in there)})" if there else ""
        return f"nothing provides `{wish.text}`{instead}, needed by {chain}"

    def _closure(self) -> Closure:
        needs: dict[str, tuple[str, ...]] = dict.fromkeys(self._selection.packages, ())
        for asker, name in dict.fromkeys(self._needs):
            needs[asker] = (*needs.get(asker, ()), name)
        roots = needs.pop(MANIFEST, ())
        return Closure(tuple(self._selection.packages.values()), roots, needs)

    def _needed_by(self, asker: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for who, name in self._needs if who == asker))
