"""What an rpm repository offers: which packages answer a capability, and which of several is to be preferred.

The rules of preference are libsolv's (src/policy.c), which dnf and zypper obey; only what is recommended or
suggested has no say here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from rocmswitch.errors import UnresolvedDependency
from rocmswitch.metadata.richdependency import Rich, Term, is_rich, parse_rich
from rocmswitch.metadata.rpmversion import RPM, split
from rocmswitch.model.grammar import parse_root
from rocmswitch.model.package import Package, Relation
from rocmswitch.planning.offers import Index, of_the_host

Lacks = Callable[[str], "str | None"]
"""Why the host lacks a capability; None where it provably has it."""


def lacks_everything(capability: str) -> str | None:
    """A host of which nothing is known."""
    return ""


class RpmOffers:
    """Every package is looked up once, so that two that are the same are one object.

    *proven* are names of packages that the host provably has, *lacks* says of any other capability whether it has
    it: they stand in where no index has an answer.
    """

    def __init__(
        self,
        indexes: Sequence[tuple[Index, int]],
        architecture: str,
        proven: Collection[str] = (),
        lacks: Lacks = lacks_everything,
    ) -> None:
        self._indexes = indexes
        self._architectures = (architecture, "all")
        self._proven = frozenset(proven)
        self._lacks = lacks
        self._named: dict[str, tuple[Package, ...]] = {}
        self._answering: dict[Relation, tuple[Package, ...]] = {}
        self._hosts: dict[str, Package] = {}
        self._priorities: dict[int, int] = {}

    def named(self, name: str) -> tuple[Package, ...]:
        """All packages of that name: by priority, then the newest."""
        if name not in self._named:
            found = [
                (priority, one)
                for index, priority in self._indexes
                for one in index.candidates(name)
                if one.architecture in self._architectures
            ]
            # Two stable sorts: between equals the earlier index stays in front.
            found.sort(key=lambda item: RPM.key(item[1].version), reverse=True)
            found.sort(key=lambda item: item[0], reverse=True)
            self._named[name] = tuple(one for _, one in found)
            self._priorities.update({id(one): priority for priority, one in found})
        return self._named[name]

    def asked(self, root: str) -> tuple[Package, ...]:
        """What a root of the manifest may be; by its bare name also what takes its place, as with `dnf install`.

        Raises UnresolvedDependency where there is nothing.
        """
        name, bounds = parse_root(root)
        relations = [Relation(name, operator, version) for operator, version in bounds]
        named = [one for one in self.named(name) if all(RPM.satisfies(one.version, bound) for bound in relations)]
        if not named and not bounds:
            named = list(self.answering(Relation(name)))
        if not bounds:
            named += self._taking_the_place(named)
        if named:
            return tuple(named)
        there = ", ".join(f"`{one}`" for one in self.named(name))
        instead = f" (there is {there})" if there else ""
        raise UnresolvedDependency(f"nothing provides `{root}`{instead}, needed by manifest")

    def answering(self, relation: Relation) -> tuple[Package, ...]:
        """All that provide it, by name and then the newest; the host's own where no index has any."""
        if relation not in self._answering:
            found = self._group(parse_rich(relation.name)) if is_rich(relation.name) else self._for(relation)
            if not found and not relation.absent and self.lacks(relation) is None:
                found = self.named(relation.name) or (self._of_the_host(relation.name),)
            self._answering[relation] = found
        return self._answering[relation]

    def lacks(self, relation: Relation) -> str | None:
        """Why the host cannot stand in; None where it can."""
        return None if relation.name in self._proven else self._lacks(relation.name)

    def excluded(self, package: Package) -> Iterable[tuple[str, Package]]:
        """What will not lie beside *package*, by its own word: a verb, and the other."""
        for relation in package.conflicts:
            yield from (("conflicts with", one) for one in self._for(relation) if one is not package)
        for relation in package.obsoletes:
            yield from (("obsoletes", one) for one in self.obsoleted(package, relation))

    def obsoleted(self, package: Package, relation: Relation) -> Iterable[Package]:
        """Obsoletes look at names and versions of packages, never at what they provide."""
        if relation.name == package.name:
            return ()
        return (one for one in self.named(relation.name) if RPM.satisfies(one.version, relation))

    def preferred(self, candidates: Iterable[Package], *, ordered: bool = True) -> list[Package]:
        """Of each name the newest, without those that another of them obsoletes; if *ordered*, the best first."""
        found = list(candidates)
        highest = max((self._priorities.get(id(one), 0) for one in found), default=0)
        best: dict[str, Package] = {}
        for one in found:
            if self._priorities.get(id(one), 0) == highest:
                other = best.get(one.name)
                newer = other is None or RPM.key(one.version) > RPM.key(other.version)
                best[one.name] = one if newer or other is None else other
        kept = self._without_obsoleted([best[name] for name in sorted(best)])
        if not ordered or len(kept) < 2:
            return kept
        kept.sort(key=lambda one: self.named(one.name)[:1] not in ((one,), ()))
        return _by_common_capabilities(kept)

    def _without_obsoleted(self, packages: list[Package]) -> list[Package]:
        names = {one.name for one in packages}
        gone: dict[int, set[int]] = {}
        for one in packages:
            for relation in one.obsoletes:
                if relation.name in names:
                    for other in self.obsoleted(one, relation):
                        gone.setdefault(id(other), set()).add(id(one))
        # Two that obsolete each other both stay.
        return [one for one in packages if all(by in gone and id(one) in gone[by] for by in gone.get(id(one), ()))]

    def _taking_the_place(self, packages: list[Package]) -> list[Package]:
        """What obsoletes one of *packages*, by its name."""
        names = {
            other.name for one in packages for index, _ in self._indexes for other in index.obsoleters(one.name)
        }
        found = (one for name in sorted(names) for one in self.named(name) if one not in packages)
        return [one for one in found if any(self._obsoletes(one, other) for other in packages)]

    def _obsoletes(self, package: Package, other: Package) -> bool:
        return any(other in self.obsoleted(package, relation) for relation in package.obsoletes)

    def _of_the_host(self, name: str) -> Package:
        return self._hosts.setdefault(name, of_the_host(name, self._architectures[0]))

    def _for(self, relation: Relation) -> tuple[Package, ...]:
        names = {one.name for index, _ in self._indexes for one in index.providers(relation.name)}
        if self.named(relation.name):
            names.add(relation.name)
        return tuple(one for name in sorted(names) for one in self.named(name) if provides(one, relation))

    def _group(self, term: Term) -> tuple[Package, ...]:
        """Packages that alone are all that `with` and `without` ask for."""
        if not isinstance(term, Rich):
            return self._for(term)
        first, *others = [self._group(one) for one in term.operands]
        if term.word == "or":
            return tuple({id(one): one for group in (first, *others) for one in group}.values())
        wanted = term.word == "with"
        return tuple(one for one in first if all((one in group) is wanted for group in others))


def provides(package: Package, relation: Relation) -> bool:
    """Whether *package* provides what *relation* asks for; each provides itself in its own version."""
    own = Relation(package.name, "=", package.version)
    return any(one.name == relation.name and RPM.answers(one, relation) for one in (own, *package.provides))


def _by_common_capabilities(packages: list[Package]) -> list[Package]:
    """*packages* so that of those that provide the same in several versions the newest comes first."""
    stated: dict[str, list[tuple[str, int]]] = {}
    for number, package in enumerate(packages):
        for one in package.provides:
            if one.operator in ("=", "<=", "<<") and not _is_hash(one):
                stated.setdefault(one.name, []).append((one.version, number))
    behind = [0] * len(packages)
    for versions in stated.values():
        versions.sort(key=lambda item: RPM.key(item[0]), reverse=True)
        steps, last = 0, versions[0]
        for version, number in versions:
            if number != last[1] and _older(version, last[0]):
                steps += 1
            behind[number] += steps
            last = (version, number)
    return [packages[number] for number in sorted(range(len(packages)), key=lambda number: behind[number])]


def _older(version: str, other: str) -> bool:
    """Where only one of them has a release, neither is older."""
    if (split(version)[2] is None) is not (split(other)[2] is None) and split(version)[:2] == split(other)[:2]:
        return False
    return bool(RPM.key(version) < RPM.key(other))


def _is_hash(relation: Relation) -> bool:
    return (
        relation.operator == "=" and len(relation.version) >= 4 and set(relation.version) <= set("abcdef0123456789")
    )
