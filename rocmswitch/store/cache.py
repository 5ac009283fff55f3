"""Verified archives, each named by the hash it has; and partial ones, named by the hash they should have.

The cache may lose files in a power cut, it never shows wrong ones: the bytes of an archive reach the disk
before it gets its name. It is still hashed again before it is used (`verify`), because disks fail and a
person may have edited what lies in a home folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rocmswitch.errors import Busy, NotFound, VerificationFailed
from rocmswitch.model.package import Digest
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.lock import held
from rocmswitch.system.reading import open_regular
from rocmswitch.system.refusals import in_words

CHUNK = 1024 * 1024

_LOCK = ".lock"
_ORIGIN = ".origin"


@dataclass(frozen=True)
class CachedFile:
    """One file of the cache. `name` is the hash in hex that it has, or should have where it is `partial`."""

    path: Path
    name: str
    size: int
    partial: bool


class Cache:
    """The two folders. Threads and processes may share them: `locked` keeps a partial file for one of them."""

    def __init__(self, archives: Path, partial: Path, disk: Disk) -> None:
        self.archives = archives
        self.partial = partial
        self.disk = disk

    def find(self, digest: Digest, size: int) -> Path | None:
        """The archive with this hash, if one of this size is there. Cheap: nothing is read."""
        path = self.archives / digest.value
        return path if _size(path) == size else None

    def size_of(self, digest: Digest) -> int | None:
        """Bytes of the archive with this hash; None where there is none. Cheap: nothing is read."""
        return _size(self.archives / digest.value)

    def verify(self, digest: Digest, size: int) -> Path | None:
        """The archive, read and hashed now. One that is not what its name says is removed: None.

        Raises MachineLacks or Failed where it cannot be read.
        """
        path = self.archives / digest.value
        if _size(path) is None:
            return None
        if _size(path) == size and _hash_or_advice(path, digest.algorithm) == digest.value:
            return path
        self.disk.discard(path)
        return None

    def partial_path(self, digest: Digest) -> Path:
        """Where the bytes are collected until they are all there; the folder exists."""
        with disk_errors(self.partial):
            self.disk.make_directories(self.partial)
        return self.partial / digest.value

    def origin_path(self, digest: Digest) -> Path:
        """Where the download notes who sent the partial bytes."""
        return self.partial / f"{digest.value}{_ORIGIN}"

    @contextlib.contextmanager
    def locked(self, digest: Digest, wait: float, filename: str = "") -> Iterator[None]:
        """Nobody else writes this partial file, of *filename*, meanwhile. Raises Busy after *wait* seconds."""
        path = self.partial_path(digest)
        what = f"the download of `{filename}`" if filename else f"the download `{digest.value[:12]}…`"
        with held(path.with_name(path.name + _LOCK), wait=wait, what=what):
            yield

    def adopt(self, digest: Digest, *, learned: Digest | None = None) -> Path:
        """Give the partial file its name. Only for the holder of its lock, who has just verified all of it.

        *learned* is the hash that it has, where *digest* was only a name for it. The name itself survives a
        power cut after `settle`.
        """
        partial, path = self.partial_path(digest), self.archives / (learned or digest).value
        with disk_errors(self.archives):
            self.disk.make_directories(self.archives)
            self.disk.sync_file(partial)
            self.disk.rename(partial, path)
            self.disk.discard(self.origin_path(digest))
        return path

    def abandon(self, digest: Digest) -> None:
        """Remove the partial file: its bytes are wrong. Only for the holder of its lock."""
        with disk_errors(self.partial):
            self.disk.discard(self.partial_path(digest))
            self.disk.discard(self.origin_path(digest))

    def settle(self) -> None:
        """The names given so far survive a power cut: one call for many archives."""
        if self.archives.is_dir():
            with disk_errors(self.archives):
                self.disk.sync_directory(self.archives)

    def add(self, source: Path, digest: Digest) -> Path:
        """Copy *source* into the cache. Raises VerificationFailed where it is another file than *digest* says."""
        with self.locked(digest, wait=60):
            return self.add_locked(source, digest)

    def add_locked(self, source: Path, digest: Digest) -> Path:
        """The same for the holder of the lock. Raises NotFound where there is no such file."""
        with disk_errors(self.partial):
            path = self.partial_path(digest)
            self.disk.discard(path)
            try:
                file = open_regular(source)
            except FileNotFoundError as error:
                raise NotFound(f"`{source}` is not there any more") from error
            with file, self.disk.create(path) as copy:
                value = _copy_hashed(file, copy, digest.algorithm)
            if value != digest.value:
                self.disk.discard(path)
                raise VerificationFailed(f"`{source}` has the hash {digest.algorithm}:{value}, not {digest}")
            return self.adopt(digest)

    def files(self) -> tuple[CachedFile, ...]:
        """All that takes space here, by name."""
        archives = (CachedFile(path, path.name, size, False) for path, size in _regular_files(self.archives))
        partial = (
            CachedFile(path, path.name, size, True)
            for path, size in _regular_files(self.partial)
            if path.suffix not in (_LOCK, _ORIGIN)
        )
        return (*archives, *partial)

    def size(self) -> int:
        """Bytes, partial files included."""
        return sum(one.size for one in self.files())

    def prune(self, keep: Collection[str], *, dry_run: bool = False) -> tuple[CachedFile, ...]:
        """Remove archives whose hash (hex) is not in *keep*, and partial files that nobody is fetching.

        What was removed; with *dry_run*, what would be.
        """
        unwanted = [one for one in self.files() if one.partial or one.name not in keep]
        if dry_run:
            return tuple(unwanted)
        with disk_errors(self.archives):
            for one in unwanted:
                if not one.partial:
                    self.disk.discard(one.path)
            for name in {path.stem for path, _ in _regular_files(self.partial)}:
                self._discard_partial(name)
        return tuple(one for one in unwanted if _size(one.path) is None)

    def _discard_partial(self, name: str) -> None:
        """The lock goes last: only its holder comes here, and who waits for it opens it anew (filelock 4)."""
        path = self.partial / name
        with contextlib.suppress(Busy), held(path.with_name(name + _LOCK), wait=0, what="a download"):
            for suffix in ("", _ORIGIN, _LOCK):
                self.disk.discard(path.with_name(name + suffix))


def hash_of(path: Path, algorithm: str) -> str:
    """The hash of a file's bytes, in hex. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        return _copy_hashed(file, None, algorithm)


def _hash_or_advice(path: Path, algorithm: str) -> str:
    """As `hash_of`; what cannot be read can be fetched again."""
    try:
        return hash_of(path, algorithm)
    except OSError as error:
        error.filename = error.filename or str(path)
        told = in_words(error)
        told.hint = "run `rocmswitch cache prune --all`"
        raise told from error


def _copy_hashed(source: BinaryIO, target: BinaryIO | None, algorithm: str) -> str:
    total, block = hashlib.new(algorithm), bytearray(CHUNK)
    view = memoryview(block)
    while count := source.readinto(view):  # type: ignore[attr-defined]  # typeshed lacks it here
        total.update(view[:count])
        if target is not None:
            target.write(view[:count])
    return total.hexdigest()


def _size(path: Path) -> int | None:
    """Bytes of a regular file, None where there is none: a symlink under an archive's name is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _regular_files(folder: Path) -> list[tuple[Path, int]]:
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    found = ((path, _size(path)) for path in paths)
    return [(path, size) for path, size in found if size is not None]
