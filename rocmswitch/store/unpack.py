"""Packages unpacked into a tree that nobody uses yet: hashed while written, several at a time.

Nothing a package holds is run, and its control.tar is only counted. A path is created where nothing was,
never opened again, and every folder above it was made or looked at by us: no symlink is ever written through.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from queue import PriorityQueue
from types import TracebackType
from typing import BinaryIO, Protocol

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata import rpmheader
from rocmswitch.metadata.stream import Unreadable
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.ahead import Ahead, Rest
from rocmswitch.store.archive import AR_MAGIC, Decompress, Envelope
from rocmswitch.store.cache import hash_of
from rocmswitch.store.compression import Unfit, decompressed, suffix_of
from rocmswitch.store.members import LINK, Member, Tar, read_members
from rocmswitch.store.rpmpayload import read_payload
from rocmswitch.store.target import BASE, MADE_RELATIVE, MOST_LINKS, Stopped, Target, Unpacking
from rocmswitch.system.disk import Disk

__all__ = ["BASE", "MADE_RELATIVE", "Stopped", "Unpacked", "Unpacker", "Unpacking", "merge_entries"]

_UPWARDS = re.compile(r"(\.{0,2}/)*")
"""What a relative target begins with: folders above the link, which are no links themselves."""
_MOST_JOBS = 6
"""Packages at once, however many processors there are: with what waits (`ahead`) six took 185 MB."""
_TARBALL_MEMBERS = 500_000
"""A whole stack in one archive, with a file for each kernel of each card."""


@dataclass(frozen=True)
class Unpacked:
    """A package that was unpacked. Paths are relative to the tree."""

    work: Unpacking
    entries: tuple[FileEntry, ...]
    notes: tuple[str, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    """The files and links that were not wanted, each with its bytes."""


@dataclass(frozen=True)
class _Means:
    """What unpacks, until it is `stopped`, which is asked at each piece."""

    disk: Disk
    stopped: Callable[[], bool]
    decompress: Decompress


def _unpacked(work: Unpacking, means: _Means) -> Unpacked:
    needed: frozenset[str] = frozenset()
    try:
        while True:
            with work.archive.open("rb") as file:
                target = _unpack(work, file, means, needed)
            if target.missed() <= needed:
                return Unpacked(work, target.entries, target.notes, target.left_out)
            # Once more, with these: what is there already is not written again, only compared.
            needed |= target.missed()
    except (Unfit, Unreadable) as error:
        raise VerificationFailed(f"the archive of `{work.package}` {error} (`{work.archive}`)") from error


def _unpack(work: Unpacking, file: BinaryIO, means: _Means, needed: Collection[str]) -> Target:
    if work.digest:
        found = hash_of(work.archive, work.digest.algorithm)
        if found != work.digest.value:
            raise Unfit(f"has the {work.digest.algorithm} `{found}` instead of `{work.digest.value}`")
    flat = not _start(file).startswith((AR_MAGIC, rpmheader.MAGIC))
    target = Target(work, means.disk, means.stopped, flat=flat, needed=needed)
    read_archive(work, file, target, means.decompress)
    return target


class Receiver(Protocol):
    """What is given the members of an archive, one after the other, and takes the content of each."""

    notes: tuple[str, ...]

    def put(self, member: Member, tar: Tar) -> None: ...

    def missed(self) -> frozenset[str]: ...

    def unwrap(self) -> None: ...


def _start(file: BinaryIO) -> bytes:
    start = file.read(8)
    file.seek(0)
    return start


def read_archive(work: Unpacking, file: BinaryIO, target: Receiver, decompress: Decompress = decompressed) -> None:
    """Give *target* all members of the archive *file*, whatever kind it is of. Raises Unfit and Unreadable."""
    start = _start(file)
    if start.startswith(AR_MAGIC):
        _unpack_deb(work, file, target, decompress)
    elif start.startswith(rpmheader.MAGIC):
        _unpack_rpm(work, file, target, decompress)
    else:
        _unpack_tar(work, file, target, decompress)


def _unpack_deb(work: Unpacking, file: BinaryIO, target: Receiver, decompress: Decompress) -> None:
    envelope = Envelope(file, decompress)
    tar = Tar(envelope.data(), _most(work, file))
    for member in read_members(tar, work.limits):
        target.put(member, tar)
    tar.finish()
    envelope.finish()


def _unpack_rpm(work: Unpacking, file: BinaryIO, target: Receiver, decompress: Decompress) -> None:
    """Its scripts are not run, and no capability is given to a file: that takes root."""
    header = rpmheader.read_header(file)
    if any(header.header.texts(rpmheader.FILE_CAPABILITIES)):
        target.notes = (f"`{work.package}` has files with capabilities, which only root could give them",)
    suffix = suffix_of(file.read(8))
    file.seek(header.payload)
    cpio = Tar(decompress(suffix, Rest(file)), _most(work, file))
    for member in read_payload(header.header, cpio, work.limits):
        target.put(member, cpio)
    cpio.finish()


def _unpack_tar(work: Unpacking, file: BinaryIO, target: Receiver, decompress: Decompress) -> None:
    tar = Tar(decompress(suffix_of(_start(file)), Rest(file)), _most(work, file))
    limits = replace(work.limits, members=max(work.limits.members, _TARBALL_MEMBERS))
    for member in read_members(tar, limits, portable=True):
        target.put(member, tar)
    tar.finish()
    if not target.missed():
        target.unwrap()


def _most(work: Unpacking, file: BinaryIO) -> int:
    """How many bytes may come out of the archive."""
    return work.limits.bytes_from(os.fstat(file.fileno()).st_size)


def merge_entries(batches: Iterable[Iterable[FileEntry]]) -> tuple[FileEntry, ...]:
    """All packages' entries, sorted by path. What several packages hold must be the same in each.

    No symlink may lead out of the tree by way of others.

    Raises VerificationFailed.
    """
    merged: dict[str, FileEntry] = {}
    for entry in (one for batch in batches for one in batch):
        first = merged.setdefault(entry.path, entry)
        if first is not entry and replace(first, package="") != replace(entry, package=""):
            raise VerificationFailed(
                f"`{entry.path}` of `{entry.package}` is not the one that `{first.package}` has in the same place"
            )
    _check_links(merged)
    return tuple(sorted(merged.values(), key=lambda one: one.path))


def _check_links(entries: Mapping[str, FileEntry]) -> None:
    """A target is read as text when its link is made; `..` behind the name of another link means something else.

    Raises VerificationFailed.
    """
    links = {path: one.target for path, one in entries.items() if one.kind == LINK}
    for path, target in links.items():
        if ".." in _UPWARDS.sub("", target, count=1).split("/") and not _stays_inside(path, links):
            raise VerificationFailed(
                f"the archive of `{entries[path].package}` has a symlink, `{path}`, that leads out of the tree"
                f" by way of another (`{target[:80]}`)"
            )


def _stays_inside(path: str, links: Mapping[str, str]) -> bool:
    """Whether following *path* as the kernel does never leaves the tree. Beyond its limit it follows nothing."""
    ahead, at, followed = path.split("/")[::-1], list[str](), 0
    while ahead and followed <= MOST_LINKS:
        part = ahead.pop()
        if part == ".." and not at:
            return False
        if part == "..":
            at.pop()
        elif part not in ("", "."):
            at.append(part)
        target = links.get("/".join(at)) if part not in ("", ".", "..") else None
        if target is not None:
            at.pop()
            ahead += target.split("/")[::-1]
            followed += 1
    return True


@dataclass(order=True)
class _Waiting:
    """A package in the queue: the biggest comes first, so that no core is left with a big one at the end."""

    rank: int
    work: Unpacking = field(compare=False)


class Unpacker:
    """Unpacks packages as they are handed in, *jobs* at a time, _MOST_JOBS at most; 0 does it in `submit` itself.

    What an archive is, its first bytes say: a .deb, an .rpm, or a tar archive, which is flat and goes to the root
    of its Unpacking. A path that another package of the tree has made already is not written again, only hashed:
    the caller passes all packages' entries to `merge_entries`, which refuses differences. Raises
    VerificationFailed, Stopped and OSError; what was written until then stays.

    Threads, not processes: decompression, hashing and writing all run without the interpreter's lock, and a
    thread costs no start and 10 MiB. A package that cannot be unpacked stops the others.
    """

    def __init__(self, disk: Disk, jobs: int) -> None:
        self._disk = disk
        self._jobs = jobs = min(jobs, _MOST_JOBS)
        self._executor = ThreadPoolExecutor(max(jobs, 1), thread_name_prefix="unpack")
        self._waiting: PriorityQueue[_Waiting] = PriorityQueue()
        self._futures: list[Future[Unpacked]] = []
        self._given: set[Future[Unpacked]] = set()
        self._stop = threading.Event()
        self._ahead = Ahead(jobs, self._stop.is_set)

    def __enter__(self) -> Unpacker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves no thread behind: what still runs is given up where the block ended by an error."""
        if kind is not None:
            self._stop.set()
        self._executor.shutdown(cancel_futures=kind is not None)
        self._ahead.close()

    def submit(self, work: Unpacking) -> None:
        """Unpack *work* when a thread is free. Raises the error of a package that has failed meanwhile."""
        self._waiting.put(_Waiting(-work.archive.stat().st_size, work))
        if self._jobs:
            self._futures.append(self._executor.submit(self._unpack_next))
        else:
            future: Future[Unpacked] = Future()
            future.set_result(self._unpack_next())
            self._futures.append(future)
        for future in self._futures:
            if future.done():
                self._result(future)

    def ready(self) -> Iterator[Unpacked]:
        """What is unpacked by now and was not given before: for whoever has time while others arrive."""
        for future in [one for one in self._futures if one.done() and one not in self._given]:
            self._given.add(future)
            yield self._result(future)

    def done(self) -> Iterator[Unpacked]:
        """Everything handed in that `ready` has not given, each as it is ready. Raises the first error."""
        for future in as_completed([one for one in self._futures if one not in self._given]):
            yield self._result(future)

    def _unpack_next(self) -> Unpacked:
        work = self._waiting.get_nowait().work
        try:
            with self._ahead.processors.busy():
                return _unpacked(work, _Means(self._disk, self._stop.is_set, self._ahead.decompressed))
        except BaseException:
            # Whatever it was, also Ctrl-C: the other threads stop, and it goes on to whoever waits for this one.
            self._stop.set()
            raise

    def _result(self, future: Future[Unpacked]) -> Unpacked:
        """What a package became. Raises the failure itself, not what it did to the other packages."""
        error = future.exception()
        if isinstance(error, Stopped):
            errors = (one.exception() for one in self._futures)
            error = next((one for one in errors if one and not isinstance(one, Stopped)), error)
        if error is not None:
            raise error
        return future.result()
