"""A bundle: one uncompressed tar of which every byte is known before it is read.

bundle.json comes first and lists all other members in their order, so where each begins is computed, not
looked for: its header must say what was computed, and anything else is damage. So there is no member that
nobody expects, no link and no name that leads elsewhere, however the tar was made. Any tar can unpack it.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from rocmswitch.errors import NotFound, UsageMistake, VerificationFailed
from rocmswitch.metadata.bundle import NAME, SIZE_LIMIT, Bundle, BundledFile, parse_bundle, render_bundle
from rocmswitch.store.compression import Unfit, decompressed
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.reading import open_regular
from rocmswitch.system.refusals import in_words

CHUNK = 1024 * 1024
_BLOCK = tarfile.BLOCKSIZE
_LARGE = 8 * 1024**3
"""Bytes from which a size does not fit into the twelve octal digits of a header."""

Source = Path | bytes
"""Where the content of a member is while a bundle is written."""


def write_bundle(path: Path, bundle: Bundle, sources: Mapping[str, Source], disk: Disk) -> None:
    """Write *bundle* to *path*, whole or not at all. *sources* are by path of member.

    The same bundle is the same bytes. Raises VerificationFailed where a source is not what *bundle* says.
    """
    head = render_bundle(bundle)
    with disk_errors(path), disk.replacing(path) as file:
        stamp = int(bundle.made.timestamp())
        file.write(_header(NAME, len(head), stamp) + head + _filling(len(head)))
        for member in bundle.members:
            file.write(_header(member.path, member.size, stamp))
            _copy(member, sources[member.path], file)
            file.write(_filling(member.size))
        file.write(b"\0" * (_whole_size(len(head), bundle) - file.tell()))


def bundle_size(bundle: Bundle) -> int:
    """Bytes of the file that *bundle* becomes."""
    return _whole_size(len(render_bundle(bundle)), bundle)


@dataclass(frozen=True)
class _Spot:
    """A member and where its content begins."""

    member: BundledFile
    start: int


class BundleFile:
    """A bundle on the disk, open. Threads may read from one."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Raises VerificationFailed where it is no bundle, or not a whole one."""
        self.path = path
        self._file = file
        head = self._head()
        self.bundle = parse_bundle(head, str(path))
        self._spots = self._found(len(head))
        self._by_url = {url: one for one in self.bundle.members for url in one.urls}

    @classmethod
    def opened(cls, path: Path) -> BundleFile:
        """Raises also UsageMistake and NotFound where there is no such file, MachineLacks."""
        try:
            with disk_errors(path):
                return cls(path, open_regular(path))
        except FileNotFoundError as error:
            raise NotFound(f"there is no bundle `{path}`") from error
        except OSError as error:
            raise UsageMistake(f"`{path}` cannot be read as a bundle: {error.strerror}") from error

    def __enter__(self) -> BundleFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def at(self, url: str) -> BundledFile | None:
        """The member that was at *url*."""
        return self._by_url.get(url)

    def pieces(self, member: BundledFile, offset: int = 0) -> Iterator[bytes]:
        """Its content from *offset* on, unverified. Raises VerificationFailed where it ends too early."""
        at, left = self._spots[member.path].start + offset, member.size - offset
        while left > 0:
            piece = self._read(at, min(CHUNK, left))
            if not piece:
                raise self._damaged(member.path)
            yield piece
            at, left = at + len(piece), left - len(piece)

    def read(self, member: BundledFile, limit: int = SIZE_LIMIT) -> bytes:
        """Its content, verified; not more than *limit* bytes of it. Raises VerificationFailed."""
        if member.size > limit:
            raise VerificationFailed(f"`{member.path}` is larger than the {limit} bytes it may have")
        return b"".join(self.verified(member))

    def verified(self, member: BundledFile) -> Iterator[bytes]:
        """Its content, whose hash is known at the end: what came before counts only if that is not an error."""
        found = hashlib.sha256()
        for piece in self.pieces(member):
            found.update(piece)
            yield piece
        if found.hexdigest() != member.sha256:
            raise self._damaged(member.path)

    def unpacked(self, member: BundledFile) -> Iterator[bytes]:
        """What a packed member holds, unverified. Raises VerificationFailed where it cannot be unpacked."""
        try:
            yield from decompressed(".zst", _Reading(self, member))
        except Unfit as error:
            raise self._damaged(member.path) from error

    def check(self) -> None:
        """Read everything. Raises VerificationFailed with the first member that is damaged."""
        for member in self.bundle.members:
            for _ in self.verified(member):
                pass

    def _head(self) -> bytes:
        block = self._read(0, _BLOCK)
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise VerificationFailed(f"`{self.path}` is no bundle") from error
        if info.name != NAME or info.type != tarfile.REGTYPE or not 0 < info.size <= SIZE_LIMIT:
            raise VerificationFailed(f"`{self.path}` is no bundle")
        head = self._read(_BLOCK, info.size)
        if len(head) < info.size:
            raise self._cut_off()
        return head

    def _found(self, head: int) -> dict[str, _Spot]:
        """Where each member is. Raises VerificationFailed where the tar is not as the list says."""
        size, whole = os.fstat(self._file.fileno()).st_size, _whole_size(head, self.bundle)
        if size < whole:
            raise self._cut_off(size, whole)
        spots, at = {}, _BLOCK + _padded(head)
        more = size > whole or any(self._read(_BLOCK + head, at - _BLOCK - head))
        for member in self.bundle.members:
            self._check_header(self._read(at, _BLOCK), member)
            spots[member.path] = _Spot(member, at + _BLOCK)
            end, at = at + _BLOCK + member.size, at + _BLOCK + _padded(member.size)
            more = more or any(self._read(end, at - end))
        if more or any(self._read(at, whole - at)):
            raise VerificationFailed(f"`{self.path}` has more in it than its list says")
        return spots

    def _check_header(self, block: bytes, member: BundledFile) -> None:
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise self._damaged(member.path) from error
        if (info.name, info.type, info.size) != (member.path, tarfile.REGTYPE, member.size):
            raise self._damaged(member.path)

    def read_at(self, member: BundledFile, offset: int, count: int) -> bytes:
        """At most *count* bytes of it from *offset* on, unverified; none at its end."""
        return self._read(self._spots[member.path].start + offset, min(count, member.size - offset))

    def _read(self, at: int, count: int) -> bytes:
        try:
            return os.pread(self._file.fileno(), count, at)
        except OSError as error:
            error.filename = str(self.path)
            raise in_words(error) from error

    def _damaged(self, path: str) -> VerificationFailed:
        return VerificationFailed(f"`{path}` in the bundle `{self.path}` is damaged: copy the bundle here again")

    def _cut_off(self, size: int = 0, whole: int = 0) -> VerificationFailed:
        counts = f": {size} of {whole} bytes are here" if whole else ""
        return VerificationFailed(f"the bundle `{self.path}` is cut off{counts}")


class _Reading:
    """A member from its beginning to its end."""

    def __init__(self, file: BundleFile, member: BundledFile) -> None:
        self._file, self._member = file, member
        self._at = 0

    def read(self, count: int, /) -> bytes:
        block = self._file.read_at(self._member, self._at, count)
        self._at += len(block)
        return block


def _copy(member: BundledFile, source: Source, target: BinaryIO) -> None:
    found, count = hashlib.sha256(), 0
    with io.BytesIO(source) if isinstance(source, bytes) else open_regular(source) as file:
        while piece := file.read(CHUNK):
            found.update(piece)
            target.write(piece)
            count += len(piece)
    if (count, found.hexdigest()) != (member.size, member.sha256):
        raise VerificationFailed(f"`{member.name or member.path}` was changed while the bundle was written")


def _header(name: str, size: int, stamp: int) -> bytes:
    """One block, always: names are short, and a size beyond the digits is written as GNU tar does."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, stamp, 0o644
    return info.tobuf(tarfile.USTAR_FORMAT if size < _LARGE else tarfile.GNU_FORMAT)


def _padded(size: int) -> int:
    return size + -size % _BLOCK


def _filling(size: int) -> bytes:
    return b"\0" * (-size % _BLOCK)


def _whole_size(head: int, bundle: Bundle) -> int:
    """Bytes of the whole file, which tar fills up to records of 20 blocks."""
    end = _BLOCK + _padded(head) + sum(_BLOCK + _padded(one.size) for one in bundle.members) + 2 * _BLOCK
    return end + -end % tarfile.RECORDSIZE
