"""An index that is ready at once: a table of offsets and a blob, in which names are found by bisection.

Debian's sid has 65,000 packages, an installation looks at 200 of them. So nothing is parsed when the index
is loaded, and what is looked up is parsed then and kept. The bytes are ours (a cache), written from a list of
packages whose hash was verified.

    MAGIC, four numbers (packages, virtual names, bytes of each blob),
    then for packages and for virtual names: the offset of each line (uint32), and the lines, sorted by name.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby, islice
from urllib.parse import quote

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.package import Package

MAX_PACKAGES = 1_000_000
_MAX_FILENAME = 512
_MAX_SIZE = 1 << 40
"""Bytes of one archive, or KiB of what it holds: a tebibyte is no package."""

_HEAD = struct.Struct("=4Q")


def encode_tables(magic: bytes, packages: list[bytes], provided: Mapping[bytes, Iterable[bytes]]) -> bytes:
    """The bytes of an index: *packages* are lines that begin with a name and a tab, *provided* names packages by
    what they provide. *packages* is sorted in place.
    """
    # By name: a tab sorts before all that a name may hold.
    packages.sort()
    virtual = sorted(name + b"\t" + b" ".join(sorted(names)) + b"\n" for name, names in provided.items() if name)
    head = _HEAD.pack(len(packages), len(virtual), sum(map(len, packages)), sum(map(len, virtual)))
    return b"".join([magic, head, _offsets(packages), *packages, _offsets(virtual), *virtual])


def decode_tables(magic: bytes, data: bytes | memoryview) -> tuple[Table, Table]:
    """Packages and virtual names. Raises ValueError where *data* is not what `encode_tables` made."""
    view = memoryview(data)
    start = len(magic) + _HEAD.size
    if len(view) < start or view[: len(magic)] != magic:
        raise ValueError("not an index of this version")
    packages, virtual, package_bytes, virtual_bytes = _HEAD.unpack_from(view, len(magic))
    if len(view) != start + 4 * packages + package_bytes + 4 * virtual + virtual_bytes:
        raise ValueError("not a whole index")
    tables = []
    for count, size in ((packages, package_bytes), (virtual, virtual_bytes)):
        middle = start + 4 * count
        tables.append(Table(view[start:middle].cast("I"), view[middle : middle + size]))
        start = middle + size
    return tables[0], tables[1]


class Table:
    """Sorted lines whose first column is a name."""

    def __init__(self, offsets: memoryview, lines: memoryview) -> None:
        self._offsets = offsets
        self._lines = lines

    def __len__(self) -> int:
        return len(self._offsets)

    def lines(self, name: str) -> Iterable[str]:
        """Those of *name*."""
        if "\t" in name:
            return
        key = name.encode(errors="replace") + b"\t"
        position = bisect_left(range(len(self)), key, key=lambda number: self._line(number)[: len(key)])
        while position < len(self) and (line := self._line(position)).startswith(key):
            yield line.decode(errors="replace")
            position += 1

    def names(self) -> Iterator[str]:
        """Every name once, sorted."""
        columns = (self._line(number).partition(b"\t")[0] for number in range(len(self)))
        return (name.decode(errors="replace") for name, _ in groupby(columns))

    def _line(self, number: int) -> bytes:
        end = self._offsets[number + 1] if number + 1 < len(self) else len(self._lines)
        return bytes(self._lines[self._offsets[number] : end - 1])


def safe_filename(filename: str, where: str) -> str:
    """A path below the repository's URL, which it may not leave."""
    parts = filename.split("/")
    odd = not filename.isprintable() or "\\" in filename or len(filename) > _MAX_FILENAME
    if not filename or odd or any(part in ("", ".", "..") for part in parts):
        raise VerificationFailed(
            f"{where} has the file name {quote(filename[:80])!r}, which is no path in a repository"
        )
    return filename


def size_number(text: str, where: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15 or int(text) > _MAX_SIZE:
        raise VerificationFailed(f"{where} has the size `{text[:20]}`")
    return int(text)


def _offsets(lines: Sequence[bytes]) -> bytes:
    """Where each line starts."""
    starts = accumulate(map(len, lines), initial=0)
    return struct.pack(f"={len(lines)}I", *islice(starts, len(lines)))


class IndexedPackages:
    """The packages of an index by their names, each parsed when it is asked for and kept.

    *parse* makes a package of a line and the position of its source. With *only*, other names are not there.
    """

    def __init__(
        self, packages: Table, parse: Callable[[str, str], Package], source: str, only: Iterable[str]
    ) -> None:
        self.source = source
        self._only = frozenset(only)
        self._packages = packages
        self._parse = parse
        self._candidates: dict[str, tuple[Package, ...]] = {}

    def __len__(self) -> int:
        return len(self._packages)

    def candidates(self, name: str) -> tuple[Package, ...]:
        """Every version of the package *name*. Raises VerificationFailed where an entry cannot be believed."""
        found = self._candidates.get(name)
        if found is None:
            lines = self._packages.lines(name) if not self._only or name in self._only else ()
            found = self._candidates[name] = tuple(self._parse(line, self.source) for line in lines)
        return found

    def names(self) -> Iterator[str]:
        """The names of all packages."""
        return (name for name in self._packages.names() if not self._only or name in self._only)
