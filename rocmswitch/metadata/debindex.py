"""The index of a Debian suite, in the form of `metadata.indextable`."""

from __future__ import annotations

from collections.abc import Iterable

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.deb import FIELDS, Stanza, parse_relations
from rocmswitch.metadata.indextable import (
    MAX_PACKAGES,
    IndexedPackages,
    decode_tables,
    encode_tables,
    safe_filename,
    size_number,
)
from rocmswitch.model.package import Dependency, Digest, Package, Relation

MAGIC = b"rocmswitch index 1\n"

_COLUMNS = tuple(name.encode() for name in FIELDS)


def encode_index(stanzas: Iterable[Stanza]) -> bytes:
    """The index of *stanzas*. Raises VerificationFailed where there are more than MAX_PACKAGES."""
    packages: list[bytes] = []
    provided: dict[bytes, set[bytes]] = {}
    for stanza in stanzas:
        packages.append(b"\t".join([stanza.get(name, b"") for name in _COLUMNS]) + b"\n")
        for part in stanza.get(b"Provides", b"").split(b",") if b"Provides" in stanza else ():
            provided.setdefault(part.partition(b"(")[0].strip(), set()).add(stanza[b"Package"])
        if len(packages) > MAX_PACKAGES:
            raise VerificationFailed(f"an index of more than {MAX_PACKAGES} packages is not read")
    return encode_tables(MAGIC, packages, provided)


class PackageIndex(IndexedPackages):
    """The packages of one Packages file. *source* is the position of its source in the manifest.

    With *only*, other names are not there. Raises ValueError where *data* is not what `encode_index` made.
    """

    def __init__(self, data: bytes | memoryview, source: str = "0", *, only: Iterable[str] = ()) -> None:
        packages, self._virtual = decode_tables(MAGIC, data)
        super().__init__(packages, _parse_package, source, only)

    def obsoleters(self, name: str) -> tuple[Package, ...]:
        """None: of Debian's packages no field says that (Policy 7.6)."""
        return ()

    def providers(self, virtual: str) -> tuple[Package, ...]:
        """Every package that says it provides *virtual*, by name."""
        names = (name for line in self._virtual.lines(virtual) for name in line.partition("\t")[2].split())
        offered = (package for name in names for package in self.candidates(name))
        return tuple(one for one in offered if any(relation.name == virtual for relation in one.provides))


def _parse_package(line: str, source: str) -> Package:
    name, version, architecture, filename, size, sha256, sha512, installed, *relations = line.split("\t")
    where = f"the entry of `{name}` in the index"
    pre_depends, depends, provides, conflicts, breaks = (parse_relations(text, where) for text in relations)
    if not sha256 and not sha512:
        raise VerificationFailed(f"{where} has neither a SHA-256 nor a SHA-512 sum")
    return Package(
        name=name,
        version=version,
        architecture=architecture,
        filename=safe_filename(filename, where),
        size=size_number(size, where),
        digest=Digest("sha256", sha256.lower()) if sha256 else Digest("sha512", sha512.lower()),
        # Installed-Size is in KiB (Policy 5.6.20).
        installed_size=size_number(installed or "0", where) * 1024,
        source=source,
        depends=(*pre_depends, *depends),
        provides=_only_names(provides),
        conflicts=_only_names(conflicts),
        breaks=_only_names(breaks),
    )


def _only_names(dependencies: tuple[Dependency, ...]) -> tuple[Relation, ...]:
    """These fields have no alternatives (Policy 7.1)."""
    return tuple(relation for alternatives in dependencies for relation in alternatives)
