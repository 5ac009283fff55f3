"""Packages unpacked into a tree that nobody uses yet: hashed while written, several at a time.

Nothing a package holds is run, and its control.tar is only counted. A path is created where nothing was,
never opened again, and every folder above it was made or looked at by us: no symlink is ever written through.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import PriorityQueue
from types import TracebackType
from typing import BinaryIO

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.package import Digest
from rocmswitch.store import members
from rocmswitch.store.archive import Envelope, Unfit
from rocmswitch.store.members import Limits, Member, Tar
from rocmswitch.store.receipts import FOLDER
from rocmswitch.system.disk import Disk

BASE = "base"
"""The folder of a tree for packages that the host lacks."""

MADE_RELATIVE = "absolute symlink made relative"


@dataclass(frozen=True)
class Unpacking:
    """One package to be unpacked. `place` is `rocm` (the tree itself) or `base`."""

    package: str
    archive: Path
    tree: Path
    place: str = "rocm"
    digest: Digest | None = None
    """What the archive must hash to, read again while it is unpacked; None where the caller has just hashed it."""
    limits: Limits = Limits()

    @property
    def folder(self) -> str:
        """Where it goes, relative to the tree."""
        return BASE if self.place == BASE else ""


@dataclass(frozen=True)
class Unpacked:
    """A package that was unpacked. Paths of *entries* are relative to the tree."""

    work: Unpacking
    entries: tuple[FileEntry, ...]


class Stopped(Exception):
    """Another package failed, or the user interrupted: this one is given up."""


def _never() -> bool:
    return False


def unpack_deb(work: Unpacking, disk: Disk, *, stopped: Callable[[], bool] = _never) -> tuple[FileEntry, ...]:
    """Unpack one .deb and give an entry for each path, parents included, relative to the tree.

    A path that another package of the tree has made already is not written again, only hashed: the caller
    passes all packages' entries to `merge_entries`, which refuses differences. `stopped` is asked at each
    piece. Raises VerificationFailed, Stopped and OSError; what was written until then stays.
    """
    try:
        with work.archive.open("rb") as file:
            return _unpack(work, file, disk, stopped)
    except Unfit as error:
        raise VerificationFailed(f"the archive of `{work.package}` {error} (`{work.archive}`)") from error


def _unpack(work: Unpacking, file: BinaryIO, disk: Disk, stopped: Callable[[], bool]) -> tuple[FileEntry, ...]:
    envelope = Envelope(file, work.digest.algorithm if work.digest else "sha256")
    tar = Tar(envelope.data(), work.limits.bytes_from(os.fstat(file.fileno()).st_size))
    target = _Target(work, disk, stopped)
    for member in members.read_members(tar, work.limits):
        target.put(member, tar)
    tar.finish()
    found = envelope.finish()
    if work.digest and found != work.digest.value:
        raise Unfit(f"has the {work.digest.algorithm} `{found}` instead of `{work.digest.value}`")
    return tuple(target.entries.values())


class _Target:
    """Where one package goes. `entries` are keyed by path below the place and keep the order of the archive."""

    def __init__(self, work: Unpacking, disk: Disk, stopped: Callable[[], bool]) -> None:
        self._work = work
        self._disk = disk
        self._stopped = stopped
        self._root = work.tree / work.folder
        self._explicit: set[str] = set()
        self.entries: dict[str, FileEntry] = {}
        if work.folder:
            self._make_folder(self._root)
            self.entries["."] = self._entry(Member(".", members.DIRECTORY, 0o755, 0, 0))

    def put(self, member: Member, tar: Tar) -> None:
        """Make one member's path. Raises Unfit."""
        if self._stopped():
            raise Stopped
        if member.path in self._explicit or (member.path in self.entries and member.kind != members.DIRECTORY):
            raise Unfit(f"has `{member.path}` twice")
        if not self._work.folder and member.path.split("/")[0] == FOLDER:
            raise Unfit(f"has a member, `{member.path}`, in the place of rocmswitch's own files")
        self._explicit.add(member.path)
        if member.kind == members.DIRECTORY:
            self._folder(member.path)
            return
        self._folder(posixpath.dirname(member.path))
        if member.kind == members.FILE:
            entry = self._file(member, tar)
        elif member.kind == members.LINK:
            entry = self._symlink(member)
        else:
            entry = self._hard_link(member)
        self.entries[member.path] = entry

    def _folder(self, path: str) -> None:
        """*path* and all above it are real folders when this returns."""
        if path in ("", "."):
            return
        known = self.entries.get(path)
        if known is not None:
            if known.kind != members.DIRECTORY:
                raise Unfit(f"has a member below `{path}`, which is a {known.kind}")
            return
        self._folder(posixpath.dirname(path))
        self._make_folder(self._root / path)
        self.entries[path] = self._entry(Member(path, members.DIRECTORY, 0o755, 0, 0))

    def _make_folder(self, path: Path) -> None:
        try:
            self._disk.make_directory(path)
        except FileExistsError:
            if not stat.S_ISDIR(path.lstat().st_mode):
                raise Unfit(f"has a folder, `{path.name}`, where another package has a file") from None

    def _file(self, member: Member, tar: Tar) -> FileEntry:
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(self._disk.create(self._root / member.path, member.mode))
            except FileExistsError:
                return self._entry(member, sha256=self._copy(member, tar, None))
            sha256 = self._copy(member, tar, file)
            file.flush()
            os.utime(file.fileno(), (member.mtime, member.mtime))
        return self._entry(member, sha256=sha256)

    def _copy(self, member: Member, tar: Tar, file: BinaryIO | None) -> str:
        """The content into *file*, if there is one, and its hash."""
        digest = hashlib.sha256()
        for piece in tar.pieces(member.size):
            if self._stopped():
                raise Stopped
            digest.update(piece)
            if file is not None:
                file.write(piece)
        return digest.hexdigest()

    def _symlink(self, member: Member) -> FileEntry:
        """An absolute target is meant from the root of the package's own tree, and becomes relative to it."""
        target = member.target
        if target.startswith("/"):
            inner = posixpath.normpath(target).lstrip("/") or "."
            target = posixpath.relpath(inner, posixpath.dirname(member.path) or ".")
        with contextlib.suppress(FileExistsError):
            self._disk.symlink(self._root / member.path, target)
        entry = replace(self._entry(member), target=target)
        if target == member.target:
            return entry
        return replace(entry, original_target=member.target, reason=MADE_RELATIVE)

    def _hard_link(self, member: Member) -> FileEntry:
        source = self.entries.get(member.target)
        if source is None or source.kind != members.FILE:
            raise Unfit(f"has a hard link, `{member.path}`, to what is no earlier file of it (`{member.target}`)")
        with contextlib.suppress(FileExistsError):
            self._disk.link(self._root / member.target, self._root / member.path)
        return replace(source, path=posixpath.join(self._work.folder, member.path))

    def _entry(self, member: Member, *, sha256: str = "") -> FileEntry:
        return FileEntry(
            path=posixpath.normpath(posixpath.join(self._work.folder, member.path)),
            kind=member.kind,
            mode=member.mode,
            size=member.size,
            sha256=sha256,
            package=self._work.package,
        )


def merge_entries(batches: Iterable[Iterable[FileEntry]]) -> tuple[FileEntry, ...]:
    """All packages' entries, sorted by path. What several packages hold must be the same in each.

    Raises VerificationFailed.
    """
    merged: dict[str, FileEntry] = {}
    for entry in (one for batch in batches for one in batch):
        first = merged.setdefault(entry.path, entry)
        if first is not entry and replace(first, package="") != replace(entry, package=""):
            raise VerificationFailed(
                f"`{entry.path}` of `{entry.package}` is not the one that `{first.package}` has in the same place"
            )
    return tuple(sorted(merged.values(), key=lambda one: one.path))


@dataclass(order=True)
class _Waiting:
    """A package in the queue: the biggest comes first, so that no core is left with a big one at the end."""

    rank: int
    work: Unpacking = field(compare=False)


class Unpacker:
    """Unpacks packages as they are handed in, *jobs* at a time; 0 does it in `submit` itself.

    Threads, not processes: decompression, hashing and writing all run without the interpreter's lock, and a
    thread costs no start and 10 MiB. A package that cannot be unpacked stops the others.
    """

    def __init__(self, disk: Disk, jobs: int) -> None:
        self._disk = disk
        self._jobs = jobs
        self._executor = ThreadPoolExecutor(max(jobs, 1), thread_name_prefix="unpack")
        self._waiting: PriorityQueue[_Waiting] = PriorityQueue()
        self._futures: list[Future[Unpacked]] = []
        self._given: set[Future[Unpacked]] = set()
        self._stop = threading.Event()

    def __enter__(self) -> Unpacker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves no thread behind: what still runs is given up where the block ended by an error."""
        if kind is not None:
            self._stop.set()
        self._executor.shutdown(cancel_futures=kind is not None)

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
            return Unpacked(work, unpack_deb(work, self._disk, stopped=self._stop.is_set))
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
