"""The bytes of one artifact that have arrived so far, on disk, with their hash in memory."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rocmswitch.fetch.http import CHUNK
from rocmswitch.model.package import Digest
from rocmswitch.store.cache import Cache


@dataclass(frozen=True)
class Origin:
    """Who sent the bytes: a URL without its password, and what If-Range needs to go on there."""

    url: str = ""
    validator: str = ""


class PartialFile:
    """A partial file in the hands of the one who holds its lock. Its methods raise OSError.

    `count` bytes are there, from so many answers of servers as `pieces` says: where there are several, a wrong
    hash does not say which of them was wrong. With *size* nobody knows the hash yet: the digest is only a name,
    and that many bytes are the artifact.
    """

    def __init__(self, file: BinaryIO, cache: Cache, digest: Digest, size: int | None = None) -> None:
        self.count = 0
        self.pieces = 0
        self.origin = Origin()
        self._file = file
        self._cache = cache
        self._digest = digest
        self._size = size
        self._hash = hashlib.new(digest.algorithm)

    @classmethod
    @contextlib.contextmanager
    def opened(cls, cache: Cache, digest: Digest, *, size: int | None = None) -> Iterator[PartialFile]:
        """The partial file for *digest*, with what an earlier run left in it."""
        path = cache.partial_path(digest)
        with contextlib.ExitStack() as stack:
            try:
                partial = cls(stack.enter_context(cache.disk.create(path)), cache, digest, size)
            except FileExistsError:
                partial = cls(stack.enter_context(_opened_again(path)), cache, digest, size)
                partial._read_back()
            yield partial

    @property
    def is_right(self) -> bool:
        """The bytes so far are the whole artifact."""
        return self.hash == self._digest.value if self._size is None else self.count == self._size

    def may_go_on(self, validator: str) -> bool:
        """Whether bytes of another answer may be added to those that are there.

        Where no hash would show that the server has replaced the file meanwhile, only if *validator* does.
        """
        return self._size is None or bool(validator)

    @property
    def hash(self) -> str:
        return self._hash.hexdigest()

    def append(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._file.flush()
        self._hash.update(chunk)
        self.count += len(chunk)

    def begin_piece(self, origin: Origin) -> None:
        """What is appended from now on comes from *origin*; the next run may go on there."""
        self.pieces += 1
        if origin != self.origin:
            self.origin = origin
            path = self._cache.origin_path(self._digest)
            self._cache.disk.discard(path)
            with self._cache.disk.create(path) as file:  # not synced: a wrong one costs a download, nothing else
                file.write(f"{origin.url}\n{origin.validator}\n".encode())

    def start_over(self) -> None:
        """Forget all bytes."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.new(self._digest.algorithm)
        self.count = self.pieces = 0

    def _read_back(self) -> None:
        while chunk := self._file.read(CHUNK):
            self._hash.update(chunk)
            self.count += len(chunk)
        if self.count:
            self.pieces = 1
            with contextlib.suppress(FileNotFoundError):
                lines = (
                    self._cache.origin_path(self._digest).read_text(encoding="utf-8", errors="replace").splitlines()
                )
                self.origin = Origin(*lines) if len(lines) == 2 else Origin()


def _opened_again(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b")
