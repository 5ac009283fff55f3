"""primary.xml and filelists.xml: the packages of an rpm repository, one at a time, as they flow.

Neither needs memory for more than one package: Fedora's primary.xml has 150 MB, its filelists more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.rpmversion import MAX_VERSION
from rocmswitch.metadata.xmlstream import BASE, Attributes, read_elements
from rocmswitch.model.package import Relation

NOARCH = "noarch"
RELATIONS = ("requires", "provides", "conflicts", "obsoletes")
"""Those that decide; what is only recommended or suggested is not read."""
_MAX_NAME = 16 * 1024
"""Characters of a capability: some are whole sentences of dependencies."""
_MAX_RELATIONS = 200_000
"""Of one package, and its files in primary.xml."""

Owner = tuple[str, str, str]
"""Name, architecture and version of a package."""

_FLAGS = {"": "", "LT": "<<", "LE": "<=", "EQ": "=", "GE": ">=", "GT": ">>"}


@dataclass
class Listed:
    """One package as primary.xml states it; what it states may still be nonsense."""

    name: str = ""
    architecture: str = ""
    version: str = ""
    """`[epoch:]version-release`, without an epoch of 0."""
    digest: tuple[str, str] = ("", "")
    """Algorithm and hex digits."""
    location: str = ""
    base: str = ""
    """Another server that has the file, where there is one."""
    size: str = "0"
    installed_size: str = "0"
    relations: dict[str, list[Relation]] = field(default_factory=lambda: {kind: [] for kind in RELATIONS})
    files: list[str] = field(default_factory=list)
    """Those that primary.xml lists: of folders like bin and etc."""


def read_primary(pieces: Iterable[bytes], architecture: str, source: str) -> Iterator[Listed]:
    """The packages that suit *architecture*, which is rpm's word for it. Raises VerificationFailed."""
    reading = _Primary((architecture, NOARCH), source)
    for _ in read_elements(pieces, reading, source):
        yield from reading.ready
        reading.ready.clear()


def read_owners(pieces: Iterable[bytes], paths: Collection[str], source: str) -> Iterator[tuple[str, Owner]]:
    """Of filelists.xml: each of *paths* with each package that has it. Raises VerificationFailed."""
    reading = _Filelists(frozenset(paths))
    for _ in read_elements(pieces, reading, source):
        yield from reading.owners
        reading.owners.clear()


def in_primary(path: str) -> bool:
    """Whether primary.xml lists *path* itself where a package has it (createrepo's rule)."""
    return path.startswith("/etc/") or "bin/" in path or path == "/usr/lib/sendmail"


class _Primary:
    """Collects packages; `ready` holds those that have come to their end."""

    def __init__(self, architectures: tuple[str, ...], source: str) -> None:
        self._architectures = architectures
        self._source = source
        self._one: Listed | None = None
        self._kind = ""
        self._count = 0
        self.ready: list[Listed] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "package":
            # Packages of other kinds (`type`) are from before rpm.
            self._one = Listed() if attributes.get("type", "rpm") == "rpm" else None
            self._count = 0
        if self._one is None:
            return
        if name == "version":
            self._one.version = _version(attributes, self._source)
        elif name == "checksum":
            self._one.digest = (attributes.get("type", "").lower(), "")
        elif name == "size":
            self._one.size = attributes.get("package", "0")
            self._one.installed_size = attributes.get("installed") or "0"
        elif name == "location":
            self._one.location = attributes.get("href", "")
            self._one.base = attributes.get(BASE, "")
        elif name in RELATIONS:
            self._kind = name
        elif name == "entry" and self._kind:
            self._one.relations[self._kind].append(self._relation(attributes))

    def end(self, name: str, text: str) -> None:
        one = self._one
        if one is None:
            return
        if name == "name":
            one.name = text
        elif name == "arch":
            one.architecture = text
        elif name == "checksum":
            one.digest = (one.digest[0], text.lower())
        elif name == "file":
            self._counted()
            one.files.append(text)
        elif name == self._kind:
            self._kind = ""
        elif name == "package":
            self._one = None
            if one.architecture in self._architectures:
                self.ready.append(one)

    def _relation(self, attributes: Attributes) -> Relation:
        self._counted()
        name = attributes.get("name", "")
        operator = _FLAGS.get(attributes.get("flags", ""))
        if not name or len(name) > _MAX_NAME or not name.isprintable() or operator is None:
            raise VerificationFailed(f"`{name[:80]!r}` in `{self._source}` is not a relation between packages")
        return Relation(name, operator, _version(attributes, self._source) if operator else "")

    def _counted(self) -> None:
        self._count += 1
        if self._count > _MAX_RELATIONS:
            raise VerificationFailed(f"a package of `{self._source}` states more than {_MAX_RELATIONS} relations")


class _Filelists:
    """Collects the owners of a few paths."""

    def __init__(self, paths: frozenset[str]) -> None:
        self._paths = paths
        self._package = ("", "", "")
        self.owners: list[tuple[str, Owner]] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "package":
            self._package = (attributes.get("name", ""), attributes.get("arch", ""), "")
        elif name == "version":
            self._package = (*self._package[:2], _version(attributes, "filelists"))

    def end(self, name: str, text: str) -> None:
        if name == "file" and text in self._paths:
            self.owners.append((text, self._package))


def _version(attributes: Attributes, source: str) -> str:
    epoch, upstream, release = (attributes.get(name, "") for name in ("epoch", "ver", "rel"))
    version = f"{epoch}:" if epoch.strip("0") else ""
    version += f"{upstream}-{release}" if release else upstream
    if not upstream or len(version) > MAX_VERSION or not version.isprintable():
        raise VerificationFailed(f"`{version[:80]!r}` in `{source}` is not a version of an rpm package")
    return version
