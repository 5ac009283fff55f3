"""An index that is ready at once: a table of offsets and a blob, in which names are found by bisection.

Debian's sid has 65,000 packages, an installation looks at 200 of them. So nothing is parsed when the index
is loaded, and what is looked up is parsed then and kept. The bytes are ours (a cache), written from a
Packages file whose hash was verified.

    MAGIC, four numbers (packages, virtual names, bytes of each blob),
    then for packages and for virtual names: the offset of each line (uint32), and the lines, sorted by name.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice
from urllib.parse import quote

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.deb import FIELDS, Stanza, parse_relations
from rocmswitch.model.package import Dependency, Digest, Package, Relation

MAGIC = b"rocmswitch index 1\n"
_HEAD = struct.Struct("=4Q")

MAX_PACKAGES = 1_000_000
MAX_FILENAME = 512
MAX_SIZE = 1 << 40
"""Bytes of one archive, or KiB of what it holds: a tebibyte is no package."""

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
    # By name: a tab sorts before all that a name may hold.
    packages.sort()
    virtual = sorted(name + b"\t" + b" ".join(sorted(names)) + b"\n" for name, names in provided.items() if name)
    head = _HEAD.pack(len(packages), len(virtual), sum(map(len, packages)), sum(map(len, virtual)))
    return b"".join([MAGIC, head, _offsets(packages), *packages, _offsets(virtual), *virtual])


def _offsets(lines: Sequence[bytes]) -> bytes:
    """Where each line starts."""
    starts = accumulate(map(len, lines), initial=0)
    return struct.pack(f"={len(lines)}I", *islice(starts, len(lines)))


class PackageIndex:
    """The packages of one Packages file. *source* is the position of its source in the manifest.

    With *only*, other names are not there. Raises ValueError where *data* is not what `encode_index` made.
    """

    def __init__(self, data: bytes | memoryview, source: str = "0", *, only: Iterable[str] = ()) -> None:
        self.source = source
        self._only = frozenset(only)
        self._packages, self._virtual = _decode_tables(data)
        self._candidates: dict[str, tuple[Package, ...]] = {}

    def __len__(self) -> int:
        return len(self._packages)

    def candidates(self, name: str) -> tuple[Package, ...]:
        """Every version of the package *name*. Raises VerificationFailed where an entry cannot be believed."""
        found = self._candidates.get(name)
        if found is None:
            lines = self._packages.lines(name) if not self._only or name in self._only else ()
            found = self._candidates[name] = tuple(_parse_package(line, self.source) for line in lines)
        return found

    def providers(self, virtual: str) -> tuple[Package, ...]:
        """Every package that says it provides *virtual*, by name."""
        names = (name for line in self._virtual.lines(virtual) for name in line.partition("\t")[2].split())
        offered = (package for name in names for package in self.candidates(name))
        return tuple(one for one in offered if any(relation.name == virtual for relation in one.provides))


class _Table:
    """Sorted lines whose first column is a name."""

    def __init__(self, offsets: memoryview, lines: memoryview) -> None:
        self._offsets = offsets
        self._lines = lines

    def __len__(self) -> int:
        return len(self._offsets)

    def lines(self, name: str) -> Iterable[str]:
        if "\t" in name:
            return
        key = name.encode() + b"\t"
        position = bisect_left(range(len(self)), key, key=lambda number: self._line(number)[: len(key)])
        while position < len(self) and (line := self._line(position)).startswith(key):
            yield line.decode(errors="replace")
            position += 1

    def _line(self, number: int) -> bytes:
        end = self._offsets[number + 1] if number + 1 < len(self) else len(self._lines)
        return bytes(self._lines[self._offsets[number] : end - 1])


def _decode_tables(data: bytes | memoryview) -> tuple[_Table, _Table]:
    view = memoryview(data)
    start = len(MAGIC) + _HEAD.size
    if len(view) < start or view[: len(MAGIC)] != MAGIC:
        raise ValueError("not an index of this version")
    packages, virtual, package_bytes, virtual_bytes = _HEAD.unpack_from(view, len(MAGIC))
    if len(view) != start + 4 * packages + package_bytes + 4 * virtual + virtual_bytes:
        raise ValueError("not a whole index")
    tables = []
    for count, size in ((packages, package_bytes), (virtual, virtual_bytes)):
        middle = start + 4 * count
        tables.append(_Table(view[start:middle].cast("I"), view[middle : middle + size]))
        start = middle + size
    return tables[0], tables[1]


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
        filename=_safe_filename(filename, where),
        size=_number(size, where),
        digest=Digest("sha256", sha256.lower()) if sha256 else Digest("sha512", sha512.lower()),
        # Installed-Size is in KiB (Policy 5.6.20).
        installed_size=_number(installed or "0", where) * 1024,
        source=source,
        depends=(*pre_depends, *depends),
        provides=_only_names(provides),
        conflicts=_only_names(conflicts),
        breaks=_only_names(breaks),
    )


def _only_names(dependencies: tuple[Dependency, ...]) -> tuple[Relation, ...]:
    """These fields have no alternatives (Policy 7.1)."""
    return tuple(relation for alternatives in dependencies for relation in alternatives)


def _safe_filename(filename: str, where: str) -> str:
    """A path below the repository's URL, which it may not leave."""
    parts = filename.split("/")
    odd = not filename.isprintable() or "\\" in filename or len(filename) > MAX_FILENAME
    if not filename or odd or any(part in ("", ".", "..") for part in parts):
        raise VerificationFailed(
            f"{where} has the file name {quote(filename[:80])!r}, which is no path in a repository"
        )
    return filename


def _number(text: str, where: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15 or int(text) > MAX_SIZE:
        raise VerificationFailed(f"{where} has the size `{text[:20]}`")
    return int(text)
