"""What can satisfy a dependency: the packages of all indexes in the order of preference."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from rocmswitch.metadata.debversion import satisfies, version_key
from rocmswitch.model.package import Digest, Package, Relation


class Index(Protocol):
    """Where packages come from."""

    def candidates(self, name: str) -> tuple[Package, ...]: ...

    def providers(self, virtual: str) -> tuple[Package, ...]: ...

    def obsoleters(self, name: str) -> tuple[Package, ...]: ...

    def names(self) -> Iterable[str]: ...


class Offers:
    """Every package is looked up once, so that two that are the same are one object."""

    def __init__(
        self, indexes: Sequence[tuple[Index, int]], architecture: str, proven: Collection[str] = ()
    ) -> None:
        self._indexes = indexes
        self._proven = {name: of_the_host(name, architecture) for name in proven}
        self._architectures = (architecture, "all")
        self._qualifiers = ("", "any", "native", architecture)
        self._ranked: dict[str, tuple[tuple[int, Package], ...]] = {}
        self._virtual: dict[str, tuple[Package, ...]] = {}

    def satisfying(self, relations: tuple[Relation, ...], *, together: bool = False) -> list[Package]:
        """Packages for any of *relations*, in their order; or those that satisfy them all *together*.

        Where there is none, what the host provably has will do, whatever its version: a stack's packages are
        made for one distribution, and `libelf1t64` or `libstdc++6 (>= 13)` may be in no source of the manifest.
        """
        if together:
            return [one for one in self._for(relations[0]) if all(provides(one, bound) for bound in relations)]
        found = [one for relation in relations for one in self._for(relation)]
        return found or [one for relation in relations for one in self._proven_for(relation.name)]

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

    def _proven_for(self, name: str) -> tuple[Package, ...]:
        if name not in self._proven:
            return ()
        return self.named(name) or (self._proven[name],)

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
    if package.name == name and (not relation.operator or _within(package.version, relation)):
        return True
    return any(
        one.name == name and (not relation.operator or _within(one.version, relation)) for one in package.provides
    )


def _within(version: str, relation: Relation) -> bool:
    return bool(version) and satisfies(version, relation)


def of_the_host(name: str, architecture: str) -> Package:
    """Stands for a package that no source has and the host provably has, in a version that nobody asked for."""
    return Package(
        name=name,
        version="",
        architecture=architecture,
        filename="",
        size=0,
        digest=Digest.sha256("0" * 64),
        installed_size=0,
        source="",
    )
