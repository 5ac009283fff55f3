"""Compressed bytes as the pieces that they hold: streamed, and bounded whatever comes in.

gzip, xz, lzma, bzip2 and zstd: what dpkg, rpm and people who pack trees use.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, cast

from rocmswitch.metadata.decoder import Decoder, Inflater

CHUNK = 1024 * 1024
"""Bytes of one piece of uncompressed output. On a busy machine threads that hand the interpreter's lock over four
times as often (256 KiB) took 1.2 times as long; on a quiet one it is the same."""

INPUT = 64 * 1024
"""Bytes that are read at a time."""
MEMORY_LIMIT = 100 * 1024 * 1024
"""What one decompressor may need: `xz -9` takes 65 MiB, Debian's packages 9."""
_WINDOW_LIMIT = 128 * 1024 * 1024
"""What `zstd -22` and `--long` take, and rpm's `w22.zstdio`; common packages take 8 MiB."""


class Unfit(Exception):
    """Why an archive is refused, as the end of a sentence that begins with its name."""


class Readable(Protocol):
    """What gives bytes in order, fewer than asked only at its end."""

    def read(self, count: int, /) -> bytes: ...


def suffix_of(start: bytes) -> str:
    """How the name of a file that begins with *start* ends: `.xz`; empty where it is not compressed."""
    return next((suffix for magic, suffix in _MAGICS.items() if start.startswith(magic)), "")


def decompressed(suffix: str, source: Readable) -> Iterator[bytes]:
    """The pieces of what *source* holds, each of at most CHUNK bytes, until it is at its end. Raises Unfit."""
    decompress = _COMPRESSIONS.get(suffix)
    if decompress is None:
        raise Unfit(f"is compressed in a way that is not understood (`{suffix}`)")
    try:
        yield from decompress(source)
    except (lzma.LZMAError, zlib.error, OSError, EOFError, ValueError) as error:
        # bz2 reports garbled data as OSError or ValueError; a disk that fails has an errno.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise Unfit(f"cannot be decompressed ({error})") from error


def packed_anew(content: bytes) -> bytes:
    """What *content* holds, however that is compressed, as zstd, which unpacks in a third of gzip's time.

    Raises Unfit.
    """
    import zstandard

    packer = zstandard.ZstdCompressor().compressobj()
    pieces = decompressed(suffix_of(content[:_LONGEST_MAGIC]), io.BytesIO(content))
    return b"".join([*map(packer.compress, pieces), packer.flush()])


def _plain(source: Readable) -> Iterator[bytes]:
    while block := source.read(CHUNK):
        yield block


def _decoded(source: Readable, make: Callable[[], Decoder]) -> Iterator[bytes]:
    """One stream after the other, as xz, gzip and bzip2 allow, until *source* is at its end."""
    block = source.read(INPUT)
    while block:
        decoder = make()
        while not decoder.eof:
            piece = decoder.decompress(block, CHUNK)
            if piece:
                yield piece
            block = source.read(INPUT) if decoder.needs_input and not decoder.eof else b""
            if not block and decoder.needs_input and not decoder.eof:
                raise EOFError("it ends too early")
        block = decoder.unused_data or source.read(INPUT)


def _lzma(source: Readable) -> Iterator[bytes]:
    return _decoded(source, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY_LIMIT))


def _lzma_alone(source: Readable) -> Iterator[bytes]:
    return _decoded(source, lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MEMORY_LIMIT))


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
        with decoder.stream_reader(stream, read_size=INPUT, read_across_frames=True, closefd=False) as reader:
            while piece := reader.read(CHUNK):
                yield piece
    except zstandard.ZstdError as error:
        raise Unfit(f"cannot be decompressed ({error})") from error


_LONGEST_MAGIC = 8
_COMPRESSIONS: dict[str, Callable[[Readable], Iterator[bytes]]] = {
    "": _plain,
    ".gz": _gzip,
    ".xz": _lzma,
    ".lzma": _lzma_alone,
    ".zst": _zstandard,
    ".bz2": _bzip2,
}

_MAGICS = {
    b"\x1f\x8b": ".gz",
    b"\xfd7zXZ\0": ".xz",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"BZh": ".bz2",
    b"\x5d\0\0": ".lzma",
}
