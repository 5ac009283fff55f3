"""Compressed streams, recognised by their first bytes as the kernel and kmod do: gzip, xz, lzma, bzip2, zstd.

What comes out in one piece is bounded, whatever comes in.
"""

from __future__ import annotations

import bz2
import contextlib
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping

from rocmswitch.metadata.decoder import Decoder, Inflater
from rocmswitch.metadata.stream import NotUnderstood, Stream, Unreadable

Unpacker = Callable[[Stream], Iterator[bytes]]
"""Takes one compressed stream to its end and not further, and gives its pieces. Raises Unreadable."""

LZ4, LZOP = b"\x02\x21\x4c\x18", b"\x89LZO"
"""What begins a stream that no library here unpacks."""

_PIECE = 1024 * 1024
_INPUT = 64 * 1024
_ZSTD_INPUT = 2048
"""A compressed block of four bytes can hold 128 KiB, and this decoder's output has no limit: 64 MiB at most."""
_MEMORY_LIMIT = 256 * 1024 * 1024
_WINDOW_LIMIT = 128 * 1024 * 1024
"""The largest that the kernel takes, lib/decompress_unzstd.c."""


def unpacker_of(start: bytes, others: Mapping[bytes, Unpacker] | None = None) -> Unpacker | None:
    """What unpacks a stream that begins with *start*, at least 8 bytes of it; None where it is not compressed.

    *others* are for what no library here unpacks, by the bytes with which it begins. Raises Unreadable without one.
    """
    for magic, unpack in {**_UNPACKERS, **(others or {})}.items():
        if start.startswith(magic):
            return unpack
    for magic, program in ((LZ4, "lz4"), (LZOP, "lzop")):
        if start.startswith(magic):
            raise NotUnderstood(f"is compressed by {program}, which is not installed here")
    return None


def unpacked(content: bytes, limit: int) -> bytes:
    """*content* itself, or what is in it where it is compressed. Raises Unreadable, also beyond *limit* bytes."""
    unpack = unpacker_of(content[:8])
    if unpack is None:
        return content
    stream, pieces, size = Stream(iter([content])), [], 0
    for piece in unpack(stream):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise Unreadable("becomes larger than any module when it is unpacked")
    if stream.peek(1):
        raise Unreadable("has bytes behind its end")
    return b"".join(pieces)


@contextlib.contextmanager
def _garbled_is_told() -> Iterator[None]:
    try:
        yield
    except (lzma.LZMAError, zlib.error, EOFError, ValueError, OSError) as error:
        # bz2 reports garbled data as OSError or ValueError; a disk that fails has an errno.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise Unreadable("is garbled") from error


def _by(make: Callable[[], Decoder]) -> Unpacker:
    def unpack(stream: Stream) -> Iterator[bytes]:
        with _garbled_is_told():
            decoder = make()
            while not decoder.eof:
                block = stream.some(_INPUT) if decoder.needs_input else b""
                if decoder.needs_input and not block:
                    raise Unreadable("is cut short")
                if piece := decoder.decompress(block, _PIECE):
                    yield piece
            stream.put_back(decoder.unused_data)

    return unpack


def _zstandard(stream: Stream) -> Iterator[bytes]:
    import zstandard

    try:
        decoder = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT).decompressobj()
        while not decoder.eof:
            block = stream.some(_ZSTD_INPUT)
            if not block:
                raise Unreadable("is cut short")
            if piece := decoder.decompress(block):
                yield piece
        stream.put_back(decoder.unused_data)
    except zstandard.ZstdError as error:
        raise Unreadable("is garbled") from error


_UNPACKERS: dict[bytes, Unpacker] = {
    b"\x28\xb5\x2f\xfd": _zstandard,
    b"\x1f\x8b": _by(Inflater),
    b"\xfd7zXZ\0": _by(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT)),
    b"\x5d\0\0": _by(lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY_LIMIT)),
    b"BZh": _by(bz2.BZ2Decompressor),
}
