"""The index of an rpm repository, in the form of `metadata.indextable`, with its packages as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.indextable import (
    MAX_PACKAGES,
    IndexedPackages,
    decode_tables,
    encode_tables,
    safe_filename,
    size_number,
)
from rocmswitch.metadata.primary import NOARCH, RELATIONS, Listed, Owner, in_primary
from rocmswitch.metadata.richdependency import exclusions, is_rich, names_in, requirements
from rocmswitch.model.grammar import URL
from rocmswitch.model.package import Dependency, Digest, Package, Relation

MAGIC = b"rocmswitch rpm index 1\n"

ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64", "ppc64el": "ppc64le", "riscv64": "riscv64"}
"""rpm's words by Debian's, which `Host.architecture` has."""
_ALL = "all"
"""Debian's word for packages that suit every machine."""

_UNPACKABLE = frozenset(
    f"rpmlib({feature})"
    for feature in (
        *("BuiltinLuaScripts", "CaretInVersions", "CompressedFileNames", "ConcurrentAccess"),
        *("DynamicBuildRequires", "ExplicitPackageProvide", "FileCaps", "FileDigests", "HeaderLoadSortsTags"),
        *("LargeFiles", "ParametricMacros", "PartialHardlinkSets", "PayloadFilesHavePrefix", "PayloadIsBzip2"),
        *("PayloadIsLzma", "PayloadIsXz", "PayloadIsZstd", "RichDependencies", "ScriptletExpansion"),
        *("ScriptletInterpreterArgs", "TildeInVersions", "VersionedDependencies"),
    )
)
"""What a package may need of rpm that is no obstacle here: it is about names and versions, about scripts, which are
never run, or about payloads that can be unpacked. PayloadIsUstar is not among them."""

_BETWEEN, _WITHIN = "\x1e", "\x1f"
"""Separators that XML cannot hold (XML 1.0, 2.2), so no name has them."""

_OBSOLETES = "obsoletes "
"""Before a name, in the table of what is provided: no capability has such a blank in it."""

Owners = Mapping[Owner, Iterable[str]]


def encode_index(listed: Iterable[Listed], owned: Owners | None = None) -> bytes:
    """The index of *listed*; *owned* are paths that only filelists.xml tells of.

    Raises VerificationFailed where there are more than MAX_PACKAGES, or one has an odd name.
    """
    packages: list[bytes] = []
    provided: dict[bytes, set[bytes]] = {}
    for one in listed:
        if further := (owned or {}).get((one.name, one.architecture, one.version)):
            one.files = list(dict.fromkeys((*one.files, *further)))
        packages.append(_line(one).encode())
        obsolete = (f"{_OBSOLETES}{relation.name}" for relation in one.relations["obsoletes"])
        for capability in (*(relation.name for relation in one.relations["provides"]), *one.files, *obsolete):
            provided.setdefault(capability.encode(), set()).add(one.name.encode())
        if len(packages) > MAX_PACKAGES:
            raise VerificationFailed(f"an index of more than {MAX_PACKAGES} packages is not read")
    return encode_tables(MAGIC, packages, provided)


def _line(one: Listed) -> str:
    columns = [
        *(one.name, one.version, one.architecture, one.base, one.location, one.size, one.installed_size),
        *one.digest,
        *(_BETWEEN.join(map(_joined, one.relations[kind])) for kind in RELATIONS),
        _BETWEEN.join(one.files),
    ]
    odd = not one.name.isprintable() or " " in one.name
    if not one.name or odd or any("\t" in text or "\n" in text for text in columns):
        raise VerificationFailed(f"a package of the index has an entry that cannot be read: `{one.name[:80]!r}`")
    return "\t".join(columns) + "\n"


def _joined(relation: Relation) -> str:
    return _WITHIN.join((relation.name, relation.operator, relation.version))


class UnknownPaths:
    """Listens to packages on their way, for paths that one of them needs and primary.xml may not list."""

    def __init__(self) -> None:
        self._needed: set[str] = set()
        self._there: set[str] = set()

    def listening(self, listed: Iterable[Listed]) -> Iterable[Listed]:
        for one in listed:
            for relation in one.relations["requires"]:
                self._needed.update(_paths(relation.name))
            self._there.update(one.files)
            self._there.update(r.name for r in one.relations["provides"] if r.name.startswith("/"))
            yield one

    @property
    def paths(self) -> frozenset[str]:
        """Those that only filelists.xml can tell of."""
        return frozenset(one for one in self._needed - self._there if not in_primary(one))


def _paths(name: str) -> Iterable[str]:
    if name.startswith("/"):
        return (name,)
    if not is_rich(name):
        return ()
    try:
        return [one for one in names_in(name) if one.startswith("/")] if "/" in name else ()
    except VerificationFailed:
        return ()  # it is refused when its package is wanted, and nobody may ever want it


class RpmIndex(IndexedPackages):
    """The packages of one primary.xml. *source* is the position of its source in the manifest.

    With *only*, other names are not there. Raises ValueError where *data* is not what `encode_index` made.
    """

    def __init__(self, data: bytes | memoryview, source: str = "0", *, only: Iterable[str] = ()) -> None:
        packages, self._virtual = decode_tables(MAGIC, data)
        super().__init__(packages, _parse_package, source, only)

    def providers(self, virtual: str) -> tuple[Package, ...]:
        """Every package that says it provides *virtual*, by name: itself by its own, and files by their paths."""
        names = (name for line in self._virtual.lines(virtual) for name in line.partition("\t")[2].split(" "))
        offered = (package for name in names for package in self.candidates(name))
        return tuple(one for one in offered if any(relation.name == virtual for relation in one.provides))

    def obsoleters(self, name: str) -> tuple[Package, ...]:
        """Every package that takes the place of packages *name*, whatever their version."""
        names = (
            one for line in self._virtual.lines(_OBSOLETES + name) for one in line.partition("\t")[2].split(" ")
        )
        offered = (package for other in names for package in self.candidates(other))
        return tuple(one for one in offered if any(relation.name == name for relation in one.obsoletes))


def _parse_package(line: str, source: str) -> Package:
    name, version, architecture, base, location, size, installed, algorithm, digest, *rest = line.split("\t")
    requires, provides, conflicts, obsoletes = (_relations(text) for text in rest[: len(RELATIONS)])
    where = f"the entry of `{name}` in the index"
    filename = safe_filename(location, where)
    excluded = [one for one in conflicts if is_rich(one.name)]
    return Package(
        name=name,
        version=version,
        architecture=_ALL if architecture == NOARCH else _debian_word(architecture),
        filename=f"{_server(base, where)}/{filename}" if base else filename,
        size=size_number(size, where),
        digest=Digest(algorithm, digest),
        installed_size=size_number(installed, where),
        source=source,
        depends=(*_depends(requires), *(clause for one in excluded for clause in exclusions(one.name))),
        provides=(*provides, *(Relation(path) for path in rest[-1].split(_BETWEEN) if path)),
        conflicts=tuple(one for one in conflicts if not is_rich(one.name)),
        obsoletes=obsoletes,
    )


def _relations(text: str) -> tuple[Relation, ...]:
    return tuple(_relation(*one.split(_WITHIN)) for one in text.split(_BETWEEN)) if text else ()


def _relation(name: str, operator: str, version: str) -> Relation:
    return Relation(name, operator, version)


def _depends(requires: tuple[Relation, ...]) -> tuple[Dependency, ...]:
    found: list[Dependency] = []
    for one in requires:
        if one.name in _UNPACKABLE:
            continue
        found += requirements(one.name) if is_rich(one.name) else [(one,)]
    return tuple(dict.fromkeys(found))


def _server(base: str, where: str) -> str:
    """Where a package lies that is not in the repository itself: its hash says whether it is the right one."""
    if not URL.fullmatch(base):
        raise VerificationFailed(f"{where} is at `{base[:80]}`, which is no http or https URL")
    return base.rstrip("/")


def rpm_architecture(word: str) -> str:
    """rpm's word for the architecture of a package."""
    return NOARCH if word == _ALL else ARCHITECTURES.get(word, word)


def _debian_word(architecture: str) -> str:
    return next((ours for ours, rpm in ARCHITECTURES.items() if rpm == architecture), architecture)
