"""Every file of a tree against the list that was written when it was published."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.receipts import FILES, FOLDER, RECEIPT, read_files, receipt_path

_BUFFER = 1 << 20
_SMALL = 1 << 18
"""Bytes up to which a file is read at once, together with its neighbours."""
_BATCH = 1 << 22
"""Bytes of small files that are one piece of work."""

_OURS = {f"{FOLDER}/{RECEIPT}", f"{FOLDER}/{FILES}", FOLDER}


@dataclass(frozen=True)
class Fault:
    """One thing that is not as the receipt says.

    `what` is `missing`, `extra`, `kind`, `mode`, `size`, `target`, `content` or `unreadable`.
    """

    path: str
    what: str
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        if not (self.expected or self.found):
            return f"`{self.path}`: {self.what}"
        if self.what == "content":
            return f"`{self.path}`: content has changed"
        return f"`{self.path}`: {self.what} is {self.found}, not {self.expected}"


def verify_tree(tree: Path, *, quick: bool = False, jobs: int = 0) -> tuple[Fault, ...]:
    """What differs from the list of files, by path. `quick` reads no content; `jobs` 0 is one per processor.

    Raises VerificationFailed where receipt or list cannot be read, for then nothing can be said of the files.
    """
    return verify_entries(tree, read_files(tree), quick=quick, jobs=jobs)


def is_as_installed(tree: Path) -> bool:
    """Whether every file of *tree* is what its receipt says."""
    try:
        return not verify_tree(tree)
    except VerificationFailed:
        return False


def verify_entries(
    tree: Path, entries: Sequence[FileEntry], *, quick: bool = False, jobs: int = 0
) -> tuple[Fault, ...]:
    """The same for a list in hand; what the list does not name is `extra`."""
    contents = () if quick else hash_files(tree, [entry for entry in entries if entry.kind == "file"], jobs)
    found = {entry.path: entry for entry in _walk(tree)}
    expected = {entry.path: entry for entry in entries}
    faults = [Fault(path, "missing") for path in expected.keys() - found.keys()]
    faults += [Fault(path, "extra") for path in found.keys() - expected.keys()]
    same = set()
    for path in expected.keys() & found.keys():
        differing = _compare(expected[path], found[path])
        faults += differing
        if not {fault.what for fault in differing} & {"kind", "size"}:
            same.add(path)
    faults += [fault for fault in _compare_contents(expected, contents) if fault.path in same]
    return tuple(sorted(faults, key=lambda fault: (fault.path, fault.what)))


def verify_written(tree: Path, entries: Iterable[FileEntry]) -> tuple[Fault, ...]:
    """Whether the files that were written to since the tree was published hold what the list says, by path.

    All others are not read: a tree has tens of gigabytes, and whoever writes to a file of it, by mistake too,
    leaves the time behind. What hides that, or a disk that forgets, is found by reading everything: `verify_tree`.
    """
    published = receipt_path(tree).lstat().st_mtime_ns
    expected = {
        one.path: one for one in entries if one.kind == "file" and (tree / one.path).lstat().st_mtime_ns > published
    }
    faults = _compare_contents(expected, hash_files(tree, list(expected.values())))
    return tuple(sorted(faults, key=lambda fault: fault.path))


def _walk(tree: Path, below: str = "") -> Iterator[FileEntry]:
    """Every path below *tree* but our own, without content. Never follows a symlink."""
    with os.scandir(f"{tree}/{below}") as listing:
        found = list(listing)
    for one in found:
        path = f"{below}{one.name}"
        if path not in _OURS:
            yield _entry(path, one)
        if one.is_dir(follow_symlinks=False):
            yield from _walk(tree, f"{path}/")


def _entry(path: str, one: os.DirEntry[str]) -> FileEntry:
    status = one.stat(follow_symlinks=False)
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISREG(status.st_mode):
        return FileEntry(path, "file", mode, status.st_size)
    if stat.S_ISLNK(status.st_mode):
        # Path.readlink would leave out a `./` that the link really says.
        return FileEntry(path, "link", mode, target=os.readlink(one.path))  # noqa: PTH115
    return FileEntry(path, "directory" if stat.S_ISDIR(status.st_mode) else "special", mode)


def _compare(expected: FileEntry, found: FileEntry) -> list[Fault]:
    path = expected.path
    if expected.kind != found.kind:
        return [Fault(path, "kind", expected.kind, found.kind)]
    if expected.kind == "link":
        same = expected.target == found.target
        return [] if same else [Fault(path, "target", expected.target, found.target)]
    faults = []
    if expected.mode != found.mode:
        faults.append(Fault(path, "mode", f"{expected.mode:04o}", f"{found.mode:04o}"))
    if expected.kind == "file" and expected.size != found.size:
        faults.append(Fault(path, "size", str(expected.size), str(found.size)))
    return faults


def _compare_contents(
    expected: Mapping[str, FileEntry], contents: Iterable[tuple[str, str | OSError]]
) -> Iterator[Fault]:
    for path, found in contents:
        if isinstance(found, OSError):
            yield Fault(path, "unreadable", "a file", found.strerror or str(found))
        elif found != expected[path].sha256:
            yield Fault(path, "content", expected[path].sha256, found)


def hash_files(tree: Path, entries: Sequence[FileEntry], jobs: int = 0) -> Iterator[tuple[str, str | OSError]]:
    """Paths with their SHA-256, in no order, or with why they cannot be read. `jobs` 0 is one per processor.

    A file that is larger than its entry says is not read to its end. Work begins now, not when the first result
    is asked for. Threads serve: hashlib and read(2) free the interpreter. The largest file goes first, so that
    none is left alone at the end.
    """
    pool = ThreadPoolExecutor(jobs or len(os.sched_getaffinity(0)), thread_name_prefix="hash")
    batches = pool.map(lambda batch: _hash_batch(f"{tree}/", batch), list(_batches(entries)))
    pool.shutdown(wait=False)
    return chain.from_iterable(batches)


def _batches(entries: Iterable[FileEntry]) -> Iterator[list[FileEntry]]:
    batch: list[FileEntry] = []
    size = 0
    for entry in sorted(entries, key=lambda entry: entry.size, reverse=True):
        batch.append(entry)
        size += entry.size + 4096
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _hash_batch(start: str, batch: Sequence[FileEntry]) -> list[tuple[str, str | OSError]]:
    hashed: list[tuple[str, str | OSError]] = []
    buffer = bytearray(_BUFFER) if batch[0].size > _SMALL else bytearray()
    for entry in batch:
        try:
            hashed.append((entry.path, _sha256(start + entry.path, entry.size, buffer)))
        except OSError as error:
            hashed.append((entry.path, error))
    return hashed


def _sha256(path: str, size: int, buffer: bytearray) -> str:
    """Without file_digest, which Python has since 3.11, and without a buffer made for each file.

    Stops after *size* bytes, for what lies there may be a device without an end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if size <= _SMALL:
            return hashlib.sha256(os.read(descriptor, size + 1)).hexdigest()
        digest = hashlib.sha256()
        view = memoryview(buffer)
        while size >= 0 and (count := os.readv(descriptor, [view])):
            digest.update(view[:count])
            size -= count
        return digest.hexdigest()
    finally:
        os.close(descriptor)
