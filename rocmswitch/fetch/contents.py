"""What a wheel says of itself, read from a server without fetching all of it: a few kilobytes of gigabytes."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from rocmswitch.errors import Failed
from rocmswitch.fetch.http import Http, shown
from rocmswitch.metadata.wheelindex import IndexedFile
from rocmswitch.planning.wheelfiles import is_source, project_of

_LARGEST = 4 * 1024 * 1024
"""Bytes of core metadata; with a README in it they have some 100 kB."""
_WINDOW = 256 * 1024
"""Bytes of one request at least. A wheel's table of contents lies at its end, and often its metadata before that:
one request is enough for small wheels; torch's table has 1 MB."""
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")


@dataclass(frozen=True)
class Contents:
    """`metadata` is the METADATA file as it is; `unpacked` the bytes of all files, 0 where that was not seen."""

    metadata: bytes
    unpacked: int = 0


def read_contents(http: Http, file: IndexedFile, cached: Path | None = None) -> Contents:
    """What *file* says of itself: from the cache, by ranges, or from the file beside it (PEP 658).

    Source says nothing that could be trusted before it is built: that it needs nothing.

    Nothing vouches for it before the wheel was verified: it decides what is asked for besides, nothing else.
    Raises NetworkFailed, NotFound, and Failed where it is no wheel or its server hands out whole files only.
    """
    if is_source(file.filename):
        name, version = project_of(file.filename)
        return Contents(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode())
    if cached is not None:
        with cached.open("rb") as stream:
            return _read(stream, file.filename)
    try:
        return _read(_Remote(http, file.url, file.size or 0), file.filename)
    except _WholeFileOnly as error:
        if file.metadata:
            return Contents(http.read(f"{file.url}.metadata", limit=_LARGEST))
        raise Failed(
            f"`{shown(file.url)}` is sent as a whole only, so that nobody can see what it needs before it is here"
        ) from error


def _read(stream: IO[bytes] | io.RawIOBase, filename: str) -> Contents:
    try:
        with zipfile.ZipFile(cast("IO[bytes]", stream)) as archive:
            members = archive.infolist()
            found = next(one for one in members if _METADATA.fullmatch(one.filename))
            if found.file_size > _LARGEST:
                raise Failed(f"`{filename}` has metadata of {found.file_size} bytes")
            return Contents(archive.read(found), sum(one.file_size for one in members))
    except (zipfile.BadZipFile, StopIteration, NotImplementedError, RuntimeError, EOFError) as error:
        raise Failed(f"`{filename}` is not a wheel: {error or 'it has no METADATA'}") from error


class _WholeFileOnly(Exception):
    """The server ignores Range."""


class _Remote(io.RawIOBase):
    """A file at a server of which parts can be read. Raises NetworkFailed and NotFound, and _WholeFileOnly."""

    def __init__(self, http: Http, url: str, size: int) -> None:
        self._http, self._url, self._size = http, url, size
        self._at = 0
        self._start, self._window = 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed has a wider type
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        if not self._start <= self._at <= self._at + wanted <= self._start + len(self._window):
            count = max(wanted, _WINDOW)
            self._start = max(0, min(self._at, self._size - count))
            count = min(count, self._size - self._start)
            self._window = self._http.patience.retrying()(self._part, self._start, count)
        skipped = self._at - self._start
        part = self._window[skipped : skipped + wanted]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _part(self, offset: int, count: int) -> bytes:
        part = bytearray()
        with self._http.stream(self._url, offset=offset) as answer:
            if answer.offset != offset:
                raise _WholeFileOnly
            for chunk in answer.chunks():
                part += chunk[: count - len(part)]
                if len(part) == count:
                    break
        return bytes(part)
