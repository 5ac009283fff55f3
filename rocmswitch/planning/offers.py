"""What can satisfy a dependency: the packages of all indexes in the order of preference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rocmswitch.metadata.debversion import satisfies, version_key
from rocmswitch.model.package import Package, Relation


class Index(Protocol):
    """Where packages come from."""

    def candidates(self, name: str) -> tuple[Package, ...]: ...

    def providers(self, virtual: str) -> tuple[Package, ...]: ...


class Offers:
    """Every package is looked up once, so that two that are the same are one object."""

    def __init__(self, indexes: Sequence[tuple[Index, int]], architecture: str) -> None:
        self._indexes = indexes
        self._architectures = (architecture, "all")
        self._qualifiers = ("", "any", "native", architecture)
        self._ranked: dict[str, tuple[tuple[int, Package], ...]] = {}
        self._virtual: dict[str, tuple[Package, ...]] = {}

    def satisfying(self, relations: tuple[Relation, ...], *, together: bool = False) -> list[Package]:
        """Packages for any of *relations*, in their order; or those that satisfy them all *together*."""
        if together:
            return [one for one in self._for(relations[0]) if all(provides(one, bound) for bound in relations)]
        return [one for relation in relations for one in self._for(relation)]

    def named(self, name: str) -> tuple[Package, ...]:
        """All packages of that name: by priority, then the newest."""
        return tuple(one for _, one in self._named(name))

    def _for(self, relation: Relation) -> list[Package]:
        """Packages of that name first, then those that provide it."""
        name, _, qualifier = relation.name.partition(":")
        if qualifier not in self._qualifiers:
            return []
        found = [one for one in self.named(name) if satisfies(one.version, relation)]
        return found + [one for one in self._providers(name) if provides(one, relation)]

    def _named(self, name: str) -> tuple[tuple[int, Package], ...]:
        if name not in self._ranked:
            found = [
                (priority, one)
                for index, priority in self._indexes
                for one in index.candidates(name)
                if one.architecture in self._architectures
            ]
            # Two stable sorts: between equals the earlier index stays in front.
            found.sort(key=lambda item: version_key(item[1].version), reverse=True)
            found.sort(key=lambda item: item[0], reverse=True)
            self._ranked[name] = tuple(found)
        return self._ranked[name]

    def _providers(self, virtual: str) -> tuple[Package, ...]:
        """By priority, then by name, then the newest: the same on every run."""
        if virtual not in self._virtual:
            names = {one.name for index, _ in self._indexes for one in index.providers(virtual)} - {virtual}
            found = [item for name in sorted(names) for item in self._named(name)]
            found.sort(key=lambda item: item[0], reverse=True)
            self._virtual[virtual] = tuple(one for _, one in found)
        return self._virtual[virtual]


def provides(package: Package, relation: Relation) -> bool:
    """Whether *package* is, by its name or by its Provides, what *relation* asks for.

    A bound on the version is satisfied only by a Provides that states one (Debian Policy 7.5).
    """
    name = relation.name.partition(":")[0]
    if package.name == name and satisfies(package.version, relation):
        return True
    return any(
        one.name == name and (not relation.operator or (bool(one.version) and satisfies(one.version, relation)))
        for one in package.provides
    )
