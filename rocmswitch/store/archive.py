"""A .deb as bytes: its ar envelope and what is packed in it; streamed, bounded and read exactly once.

The format is deb(5): an ar archive of `debian-binary`, `control.tar*` and `data.tar*`, in this order. What
stands there says that members whose names begin with `_` may be ignored; everything else that is unexpected
is refused, because two readers of one archive must not see different files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from rocmswitch.store.ahead import Span, span_of
from rocmswitch.store.compression import CHUNK, INPUT, Readable, Unfit, decompressed

__all__ = ["Envelope", "Unfit"]

AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60
_AR_HEADER_END = b"`\n"
Decompress = Callable[[str, Readable], Iterator[bytes]]
"""compression.decompressed, or what does the same with more processors."""
_CONTROL_LIMIT = 64 * 1024 * 1024


class Envelope:
    """The ar archive around a package, read from start to end."""

    def __init__(self, file: Readable, decompress: Decompress = decompressed) -> None:
        self._file = file
        self._decompress = decompress
        self._read(len(AR_MAGIC), AR_MAGIC)

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

    def finish(self) -> None:
        """Read what is left: nothing that could mean anything. Raises Unfit."""
        while (header := self._header()) is not None:
            name, size = header
            if not name.startswith("_"):
                raise Unfit(f"has `{name}` after data.tar")
            self._skip(size)

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
        member = _Member(self, size)
        yield from self._decompress(name.partition(".tar")[2], member)
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
        """The next bytes of the file itself, fewer at its end."""
        return self._file.read(count)

    def span(self, size: int) -> Span | None:
        return span_of(self._file, size)

    def pass_over(self, size: int) -> None:
        """As if the next *size* bytes had been read; only where they have a span."""
        self._file.seek(size, os.SEEK_CUR)  # type: ignore[attr-defined]


class _Member:
    """One ar member's bytes."""

    def __init__(self, envelope: Envelope, size: int) -> None:
        self._envelope = envelope
        self.left = size

    def read(self, count: int = INPUT, /) -> bytes:
        block = self._envelope.read(min(count, self.left))
        if not block and self.left and count:
            raise Unfit("ends too early")
        self.left -= len(block)
        return block

    def span(self) -> Span | None:
        return self._envelope.span(self.left)

    def pass_over(self) -> None:
        self._envelope.pass_over(self.left)
        self.left = 0
