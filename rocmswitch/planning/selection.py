"""The packages chosen so far, what they exclude, and why each of them is there."""

from __future__ import annotations

from collections.abc import Iterator

from rocmswitch.model.package import Package, Relation
from rocmswitch.planning.offers import provides

MANIFEST = "manifest"
"""What asks for the roots: the start of every chain."""


class Selection:
    """One version of each package; the last choices can be taken back."""

    def __init__(self) -> None:
        self.packages: dict[str, Package] = {}
        self.asked_by: dict[str, str] = {}
        self._answering: dict[str, list[Package]] = {}
        """By a name, the packages that are it or provide it."""
        self._excluding: dict[str, list[tuple[Package, str, Relation]]] = {}
        """By a name, the packages that will not have it beside them."""

    def add(self, package: Package, asker: str) -> None:
        self.packages[package.name] = package
        self.asked_by[package.name] = asker
        for name in _names(package):
            self._answering.setdefault(name, []).append(package)
        for verb, relation in _exclusions(package):
            self._excluding.setdefault(_bare(relation), []).append((package, verb, relation))

    def cut(self, length: int) -> None:
        """Take back all choices after the first *length*."""
        while len(self.packages) > length:
            name, package = self.packages.popitem()
            del self.asked_by[name]
            for provided in _names(package):
                self._answering[provided].pop()
            for _, relation in _exclusions(package):
                self._excluding[_bare(relation)].pop()

    def obstacle(self, package: Package) -> str | None:
        """Why *package* cannot be added, up to the chain that asks for it; None where it can.

        Breaks counts like Conflicts: both mean that the two do not work together in one tree.
        """
        present = self.packages.get(package.name)
        if present is not None:
            return f"`{present}` is there already ({self.chain(present.name)})"
        for verb, relation in _exclusions(package):
            for other in self._answering.get(_bare(relation), ()):
                if other.name != package.name and provides(other, relation):
                    return f"`{package}` {verb} `{other}` ({self.chain(other.name)})"
        for name in _names(package):
            for other, verb, relation in self._excluding.get(name, ()):
                if other.name != package.name and provides(package, relation):
                    return f"`{other}` ({self.chain(other.name)}) {verb} `{package}`"
        return None

    def chain(self, name: str) -> str:
        """Who asked, from the manifest to *name*."""
        chain = [name]
        while chain[-1] != MANIFEST:
            chain.append(self.asked_by[chain[-1]])
        return " → ".join(reversed(chain))


def _names(package: Package) -> Iterator[str]:
    yield package.name
    yield from dict.fromkeys(one.name for one in package.provides if one.name != package.name)


def _exclusions(package: Package) -> Iterator[tuple[str, Relation]]:
    yield from (("conflicts with", one) for one in package.conflicts)
    yield from (("breaks", one) for one in package.breaks)


def _bare(relation: Relation) -> str:
    """The name without an architecture: Debian's exclusions name foreign ones as `libc6:i386`."""
    return relation.name.partition(":")[0]
