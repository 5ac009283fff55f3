"""A .deb as bytes: its ar envelope, its compression, its hash; streamed, bounded and read exactly once.

The format is deb(5): an ar archive of `debian-binary`, `control.tar*` and `data.tar*`, in this order. What
stands there says that members whose names begin with `_` may be ignored; everything else that is unexpected
is refused, because two readers of one archive must not see different files.
"""

from __future__ import annotations

import bz2
import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, cast

from rocmswitch.metadata.decoder import Decoder, Inflater

CHUNK = 1024 * 1024
"""Bytes of one piece of uncompressed output. On a busy machine threads that hand the interpreter's lock over four
times as often (256 KiB) took 1.2 times as long; on a quiet one it is the same."""

_INPUT = 64 * 1024
_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60
_AR_HEADER_END = b"`\n"
_CONTROL_LIMIT = 64 * 1024 * 1024
_MEMORY_LIMIT = 100 * 1024 * 1024
"""What one decompressor may need: `xz -9` takes 65 MiB, Debian's packages 9."""
_WINDOW_LIMIT = 64 * 1024 * 1024


class Unfit(Exception):
    """Why an archive is refused, as the end of a sentence that begins with its name."""


class Readable(Protocol):
    """What gives bytes in order, fewer than asked only at its end."""

    def read(self, count: int, /) -> bytes: ...


class Envelope:
    """The ar archive around a package, read from start to end and hashed on the way."""

    def __init__(self, file: BinaryIO, algorithm: str = "sha256") -> None:
        self._file = file
        self._hash = hashlib.new(algorithm)
        self._read(len(_AR_MAGIC), _AR_MAGIC)

    def control(self) -> Iterator[bytes]:
        """The uncompressed pieces of control.tar, for whoever wants nothing else of the package. Raises Unfit."""
        yield from self._uncompressed(*self._control())

    def data(self) -> Iterator[bytes]:
        """The uncompressed pieces of data.tar, each of at most CHUNK bytes. Raises Unfit."""
        _, size = self._control()
        self._skip(size)
        name, size = self._next_member()
        if not name.startswith("data.tar"):
            raise Unfit(f"has `{name}` where data.tar should be")
        yield from self._uncompressed(name, size)

    def finish(self) -> str:
        """Read what is left and give the hash of the whole file as hex digits. Raises Unfit."""
        while (header := self._header()) is not None:
            name, size = header
            if not name.startswith("_"):
                raise Unfit(f"has `{name}` after data.tar")
            self._skip(size)
        return self._hash.hexdigest()

    def _control(self) -> tuple[str, int]:
        """Name and size of control.tar, the file standing at its content."""
        name, size = self._next_header()
        if name != "debian-binary" or size > 64 or not self._body(size).startswith(b"2."):
            raise Unfit("is no Debian package of format 2")
        name, size = self._next_member()
        if not name.startswith("control.tar") or size > _CONTROL_LIMIT:
            raise Unfit(f"has `{name}` where control.tar should be")
        return name, size

    def _uncompressed(self, name: str, size: int) -> Iterator[bytes]:
        decompress = _COMPRESSIONS.get(name.partition(".tar")[2])
        if decompress is None:
            raise Unfit(f"is compressed in a way that is not understood (`{name}`)")
        member = _Member(self, size)
        try:
            yield from decompress(member)
        except (lzma.LZMAError, zlib.error, OSError, EOFError) as error:
            # bz2 reports garbled data as OSError or ValueError; a disk that fails has an errno.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise Unfit(f"cannot be decompressed ({error})") from error
        if member.left:
            raise Unfit("has bytes after the end of its compressed data")
        self._pad(size)

    def _next_member(self) -> tuple[str, int]:
        """Name and size of the next member that may not be ignored."""
        name, size = self._next_header()
        while name.startswith("_"):
            self._skip(size)
            name, size = self._next_header()
        return name, size

    def _next_header(self) -> tuple[str, int]:
        header = self._header()
        if header is None:
            raise Unfit("ends too early")
        return header

    def _header(self) -> tuple[str, int] | None:
        """Name and size from an ar header; None at the end of the file."""
        header = self.read(_AR_HEADER)
        if not header:
            return None
        if len(header) != _AR_HEADER or header[58:] != _AR_HEADER_END:
            raise Unfit("is no ar archive, or garbled")
        name = header[:16].decode("ascii", "backslashreplace").rstrip().removesuffix("/")
        size = header[48:58].rstrip()
        if not size.isdigit():
            raise Unfit(f"states no size for `{name}`")
        return name, int(size)

    def _read(self, count: int, expected: bytes) -> None:
        if self.read(count) != expected:
            raise Unfit("is no ar archive, or garbled")

    def _body(self, size: int) -> bytes:
        body = self.read(size)
        self._pad(size)
        return body

    def _skip(self, size: int) -> None:
        left = size
        while left:
            block = self.read(min(left, CHUNK))
            if not block:
                raise Unfit("ends too early")
            left -= len(block)
        self._pad(size)

    def _pad(self, size: int) -> None:
        """Members begin at even places; some writers leave out the last byte of filling."""
        if size % 2 and self.read(1) not in (b"\n", b"\0", b""):
            raise Unfit("is garbled between two members")

    def read(self, count: int) -> bytes:
        """The next bytes of the file itself, fewer at its end; they count for its hash."""
        block = self._file.read(count)
        self._hash.update(block)
        return block


class _Member:
    """One ar member's bytes."""

    def __init__(self, envelope: Envelope, size: int) -> None:
        self._envelope = envelope
        self.left = size

    def read(self, count: int = _INPUT, /) -> bytes:
        block = self._envelope.read(min(count, self.left))
        if not block and self.left and count:
            raise Unfit("ends too early")
        self.left -= len(block)
        return block


def _plain(source: Readable) -> Iterator[bytes]:
    while block := source.read(CHUNK):
        yield block


def _decoded(source: Readable, make: Callable[[], Decoder]) -> Iterator[bytes]:
    """One stream after the other, as xz, gzip and bzip2 allow, until *source* is at its end."""
    block = source.read(_INPUT)
    while block:
        decoder = make()
        while not decoder.eof:
            piece = decoder.decompress(block, CHUNK)
            if piece:
                yield piece
            block = source.read(_INPUT) if decoder.needs_input and not decoder.eof else b""
            if not block and decoder.needs_input and not decoder.eof:
                raise EOFError("it ends too early")
        block = decoder.unused_data or source.read(_INPUT)


def _lzma(source: Readable) -> Iterator[bytes]:
    return _decoded(source, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT))


def _bzip2(source: Readable) -> Iterator[bytes]:
    return _decoded(source, bz2.BZ2Decompressor)


def _gzip(source: Readable) -> Iterator[bytes]:
    return _decoded(source, Inflater)


def _zstandard(source: Readable) -> Iterator[bytes]:
    """By `stream_reader`, the one face of zstandard whose output is bounded whatever comes in."""
    import zstandard

    decoder = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT)
    try:
        stream = cast(BinaryIO, source)  # It asks for nothing but `read`.
        with decoder.stream_reader(stream, read_size=_INPUT, read_across_frames=True, closefd=False) as reader:
            while piece := reader.read(CHUNK):
                yield piece
    except zstandard.ZstdError as error:
        raise Unfit(f"cannot be decompressed ({error})") from error


_COMPRESSIONS: dict[str, Callable[[Readable], Iterator[bytes]]] = {
    "": _plain,
    ".gz": _gzip,
    ".xz": _lzma,
    ".zst": _zstandard,
    ".bz2": _bzip2,
}
