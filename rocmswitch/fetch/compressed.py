"""Lists of packages as servers have them: checked as they came, unpacked as they flow, checked again at the end."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from rocmswitch.errors import VerificationFailed
from rocmswitch.fetch.keyring import Reader
from rocmswitch.model.package import Digest

MAX_LIST = 512 * 1024 * 1024
"""Bytes, decompressed. Debian's sid has 65 MB, Fedora 150 MB."""

PIECE = 1024 * 1024
MAX_ZSTD_WINDOW = 1 << 27
"""Bytes of memory that a zstd file may ask for: what `zstd --long` writes."""


class HalfSynchronised(VerificationFailed):
    """A file is not what the signed file that lists it says: the mirror is between two states."""


class Listed(Protocol):
    """What is stated of a file. `size` is in bytes; None where it is not stated."""

    @property
    def size(self) -> int | None: ...
    @property
    def digest(self) -> Digest: ...


def read_listed(http: Reader, url: str, listed: Listed, what: str = "its Release file") -> bytes:
    """Exactly the file that *what* lists. Raises VerificationFailed, NotFound, NetworkFailed."""
    check_readable(listed.size, url)
    try:
        content = http.read(url, limit=MAX_LIST if listed.size is None else listed.size)
    except VerificationFailed as error:
        raise half_synchronised(url, f"more than the {listed.size} bytes that {what} states") from error
    if listed.size is not None and len(content) != listed.size:
        raise half_synchronised(url, f"{len(content)} bytes, not the {listed.size} that {what} states")
    if hashlib.new(listed.digest.algorithm, content).hexdigest() != listed.digest.value:
        raise half_synchronised(url, f"another content than {what} states")
    return content


def check_readable(size: int | None, name: str) -> None:
    """Raise VerificationFailed where *size* bytes, as stated of *name*, would have to be kept in memory."""
    if size is not None and size > MAX_LIST:
        raise VerificationFailed(f"`{name}` is said to have {size} bytes: no more than {MAX_LIST} are read")


def checked(
    pieces: Iterator[bytes], expected: Listed | None, name: str, what: str = "its Release file"
) -> Iterator[bytes]:
    """The same pieces; at their end their number of bytes and their hash have been checked.

    What was read before is used only if this ends without an error.
    """
    limit = MAX_LIST if expected is None or expected.size is None else expected.size
    digest = hashlib.new(expected.digest.algorithm if expected else "sha256")
    count = 0
    for piece in pieces:
        count += len(piece)
        if count > limit:
            raise VerificationFailed(f"`{name}` has more than {limit} bytes when decompressed")
        digest.update(piece)
        yield piece
    if expected and (expected.size not in (None, count) or digest.hexdigest() != expected.digest.value):
        raise VerificationFailed(f"`{name}` is not what {what} says, when decompressed")


def ahead(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, the next one being made by another thread while one is used.

    Decompressing and hashing let other threads run, and take as long as what is done with the result.
    """
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, pieces, b"")
        while piece := coming.result():
            coming = pool.submit(next, pieces, b"")
            yield piece


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def _pieces(file: _Readable) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _zst_pieces(content: bytes) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW)
    try:
        yield from _pieces(decompressor.stream_reader(content, read_across_frames=True))
    except zstandard.ZstdError as error:
        raise OSError(str(error)) from error


DECOMPRESSORS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "": lambda content: _pieces(io.BytesIO(content)),
    "gz": lambda content: _pieces(gzip.GzipFile(fileobj=io.BytesIO(content))),
    "xz": lambda content: _pieces(lzma.LZMAFile(io.BytesIO(content))),  # noqa: SIM115 (no file is open)
    "zst": _zst_pieces,
}
"""By the end of a file's name."""


def decompressed(content: bytes, form: str, name: str) -> Iterator[bytes]:
    """*content* without its compression, in pieces. Raises VerificationFailed where it cannot be decompressed."""
    try:
        yield from DECOMPRESSORS[form](content)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise VerificationFailed(f"`{name}` cannot be decompressed: {error}") from error


def half_synchronised(url: str, found: str) -> HalfSynchronised:
    return HalfSynchronised(
        f"`{url}` has {found}: the mirror is being synchronised",
        hint="try again later: run the same command in some minutes",
    )
