"""Which packages of a repository the sets of a new manifest begin with, and what those lean on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rocmswitch.model.package import Package
from rocmswitch.planning.offers import Index, Offers
from rocmswitch.planning.vendors import GPU, HEADERS, VERSION, Vendor, targets_in, upstream

_HEADERS = {"apt": "dev", "rpm": "devel"}
"""What packages with headers are called."""
_NUMBER = "[0-9]+"
_CAPABILITY = re.compile(r".*(\.so\b|[/()]).*")


@dataclass(frozen=True)
class Contents:
    """What the index of a repository offers."""

    kind: str
    names: frozenset[str]
    indexes: Sequence[tuple[Index, int]]
    architecture: str = "amd64"

    @cached_property
    def offers(self) -> Offers:
        return Offers(self.indexes, self.architecture)

    def newest(self, name: str) -> Package | None:
        return next(iter(self.offers.named(name)), None)

    def named(self, template: str) -> str:
        """The package that *template* means: of a pattern for a number the one with the highest; empty for none."""
        if _NUMBER not in template:
            return template if template in self.names else ""
        before, _, after = template.partition(_NUMBER)
        pattern = re.compile(f"{re.escape(before)}({_NUMBER}){re.escape(after)}")
        found = [(int(match[1]), name) for name in self.names if (match := pattern.fullmatch(name))]
        return max(found)[1] if found else ""


@dataclass(frozen=True)
class Root:
    """A package root. `text` is what the manifest says, `packages` what it stands for in this repository."""

    text: str
    name: str
    packages: tuple[str, ...]


def find_roots(vendor: Vendor, version: str, contents: Contents) -> tuple[dict[str, list[Root]], list[str]]:
    """The roots of each set that the repository has, and a note for each set that lacks some."""
    roots: dict[str, list[Root]] = {}
    notes = []
    for key, templates in vendor.sets.items():
        written = [one.replace(VERSION, version).replace(HEADERS, _HEADERS[contents.kind]) for one in templates]
        found = [(one, _root(one, vendor, contents)) for one in written]
        roots[key] = [root for _, root in found if root]
        missing = [one.replace(_NUMBER, "N") for one, root in found if root is None]
        if missing:
            notes.append(f"not in the repository, so not in the set `{key}`: {', '.join(missing)}")
    return roots, notes


def _root(template: str, vendor: Vendor, contents: Contents) -> Root | None:
    if GPU in template:
        targets = targets_in(template, contents.names)
        return Root(template, template, tuple(template.replace(GPU, one) for one in targets)) if targets else None
    name = contents.named(template)
    package = contents.newest(name) if name else None
    if package is None:
        return None
    return Root(f"{name} {_range(package.version)}" if vendor.is_ranged else name, name, (name,))


def _range(version: str) -> str:
    """From this version to the next minor one: `(>= 5.2.3, << 5.3)`."""
    number = upstream(version)
    major, _, rest = number.partition(".")
    minor = re.match(_NUMBER, rest)
    end = f"{major}.{int(minor[0]) + 1}" if minor else str(int(major) + 1)
    return f"(>= {number}, << {end})"


@dataclass(frozen=True)
class Walked:
    """All that packages lean on: the packages that there are, and dependencies that nothing satisfies."""

    packages: tuple[str, ...]
    missing: tuple[tuple[str, ...], ...]
    """Each as the names of its alternatives."""


def walk(names: Iterable[str], contents: Contents) -> Walked:
    """Follow the first alternative that there is. A quick look, not what an installation takes."""
    waiting = [one for name in names if (one := contents.newest(name))]
    seen = {one.name: one for one in waiting}
    missing: dict[tuple[str, ...], None] = {}
    while waiting:
        for alternatives in waiting.pop().depends:
            found = contents.offers.satisfying(alternatives)
            if not found:
                missing[tuple(dict.fromkeys(one.name for one in alternatives))] = None
            elif found[0].name not in seen:
                seen[found[0].name] = found[0]
                waiting.append(found[0])
    return Walked(tuple(seen), tuple(missing))


def is_capability(name: str) -> bool:
    """Whether a dependency is not on a package but on what one has: a library, a file, a module of Perl."""
    return bool(_CAPABILITY.fullmatch(name))
