"""Every rename, replacement and removal of a file, and every promise that bytes have reached the disk.

`Disk` is a value that its users are handed: a test hands in one that stops before the n-th change or that
records what was asked, and nothing has to be patched. Each primitive calls `about_to` first.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rocmswitch.errors import Failed
from rocmswitch.system.anchored import Anchored
from rocmswitch.system.anchored import Change as Change
from rocmswitch.system.descriptors import sync_all, sync_opened_folder
from rocmswitch.system.refusals import lacking


class Disk(Anchored):
    """The machine's disk. Its methods raise OSError; `disk_errors` turns that into words."""

    def make_directory(self, path: Path, mode: int = 0o755) -> None:
        """Make one folder whose parent exists. Raises FileExistsError."""
        self.about_to(Change("make_directory", path))
        path.mkdir(mode)

    def make_directories(self, path: Path, *, synced: bool = True) -> None:
        """Make *path* and what is missing above it, each synced into its parent where *synced*."""
        missing = []
        while not path.is_dir():
            missing.append(path)
            path = path.parent
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                self.make_directory(folder)
            if synced:
                self.sync_directory(folder.parent)

    @contextlib.contextmanager
    def create(self, path: Path, mode: int = 0o644) -> Iterator[BinaryIO]:
        """A new file to stream into, with exactly *mode* whatever the umask.

        Raises FileExistsError; a symlink in its place is never followed.
        """
        self.about_to(Change("create", path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            os.fchmod(file.fileno(), mode)
            yield file

    @contextlib.contextmanager
    def edit(self, path: Path) -> Iterator[BinaryIO]:
        """A file to change in place: only for one that nobody uses yet and that has no other name.

        Its mode and its times stay. Raises Failed where it has another name, which would change too.
        """
        self.about_to(Change("edit", path))
        with _opened(path, os.O_RDONLY | os.O_NOFOLLOW) as reading:
            before = os.fstat(reading)
            if before.st_nlink != 1:
                raise Failed(f"`{path}` has another name: changing it in place would change both")
            os.fchmod(reading, before.st_mode | stat.S_IWUSR)
            try:
                with path.open("r+b") as file:
                    yield file
            finally:
                os.fchmod(reading, stat.S_IMODE(before.st_mode))
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def write_file(self, path: Path, content: bytes, mode: int = 0o644) -> None:
        """A new file with *content*, whole and synced; its name is safe only after `sync_directory`."""
        with self.create(path, mode) as file:
            file.write(content)
        self.sync_file(path)

    def sync_file(self, path: Path) -> None:
        """The bytes and the mode of *path* have reached the disk when this returns; its name may not have."""
        self.about_to(Change("sync_file", path))
        with _opened(path, os.O_RDONLY | os.O_NOFOLLOW) as descriptor:
            os.fsync(descriptor)

    def sync_directory(self, path: Path) -> None:
        """What was created, renamed and removed in the folder *path* has reached the disk when this returns."""
        self.about_to(Change("sync_directory", path))
        with _opened(path, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
            sync_opened_folder(descriptor)

    def sync_filesystem(self, path: Path) -> None:
        """Everything on the file system of *path* has reached the disk when this returns.

        One call for thousands of files: an fsync of each would be a journal commit of each. The kernel reports
        failed writes here since Linux 5.8: syncfs(2).
        """
        self.about_to(Change("sync_filesystem", path))
        with _opened(path, os.O_RDONLY) as descriptor:
            sync_all(descriptor)

    def rename(self, path: Path, target: Path) -> None:
        """Give *path* the name *target*, in place of what has it now. Raises OSError EXDEV."""
        self.about_to(Change("rename", path, str(target)))
        path.replace(target)

    def link(self, path: Path, target: Path) -> None:
        """A second name, *target*, for the file *path*. Raises FileExistsError, OSError EXDEV and EMLINK."""
        self.about_to(Change("link", path, str(target)))
        os.link(path, target, follow_symlinks=False)

    def clone(self, source: BinaryIO, path: Path, mode: int = 0o600) -> None:
        """A new file that shares the blocks of *source*. Where that fails, there is none: OSError."""
        with self.create(path, mode) as file:
            try:
                self._clone(source, file, path)
            except OSError:
                self.remove(path)
                raise

    def symlink(self, path: Path, target: str) -> None:
        """A symlink at *path* that says *target*."""
        self.about_to(Change("symlink", path, target))
        path.symlink_to(target)

    def set_mode(self, path: Path, mode: int) -> None:
        """Permissions of a file or folder; a symlink has none of its own, so none may stand here."""
        self.about_to(Change("set_mode", path, oct(mode)))
        path.chmod(mode)

    def remove(self, path: Path) -> None:
        """Remove one file or symlink. Raises FileNotFoundError."""
        self.about_to(Change("remove", path))
        path.unlink()

    def remove_tree(self, path: Path) -> None:
        """Remove a folder and what is in it, read-only or not. What is not there is removed already.

        May stop half-way: whoever has a mark that says "this folder is whole" removes and syncs the mark before.
        """
        self.about_to(Change("remove_tree", path))
        if not path.is_symlink() and path.exists():
            _make_writable(path)
            shutil.rmtree(path)

    def replace_file(self, path: Path, content: bytes, mode: int = 0o644, *, synced: bool = True) -> None:
        """*path* holds *content* or what it held before, whatever happens; when this returns, *content*.

        Not *synced*, that is only certain after the caller's own `sync_directory`: once for many files.
        """
        temporary = self._temporary(path)
        self.write_file(temporary, content, mode)
        self.rename(temporary, path)
        if synced:
            self.sync_directory(path.parent)

    @contextlib.contextmanager
    def replacing(self, path: Path) -> Iterator[BinaryIO]:
        """As `replace_file`, to stream into: where the block ends by an error, *path* is what it was."""
        temporary = self._temporary(path)
        try:
            with self.create(temporary) as file:
                yield file
            self.sync_file(temporary)
            self.rename(temporary, path)
        except BaseException:
            # Also Ctrl-C: half a file is nobody's, and what ended the block goes on.
            self.discard(temporary)
            raise
        self.sync_directory(path.parent)

    def rewrite_file(self, path: Path, content: bytes) -> None:
        """As `replace_file`, for what is there and not ours: its mode and its owner stay.

        Raises PermissionError where this user may not give a file to that owner.
        """
        before = path.stat()
        temporary = self._temporary(path)
        with self.create(temporary) as file:
            os.fchown(file.fileno(), before.st_uid, before.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
            file.write(content)
        self.sync_file(temporary)
        self.rename(temporary, path)
        self.sync_directory(path.parent)

    def replace_symlink(self, path: Path, target: str, *, synced: bool = True) -> None:
        """*path* points to *target* or to what it pointed to before; when this returns, to *target*.

        *synced* as in `replace_file`.
        """
        temporary = self._temporary(path)
        self.symlink(temporary, target)
        self.rename(temporary, path)
        if synced:
            self.sync_directory(path.parent)

    def discard(self, path: Path) -> None:
        """Remove a file or symlink that may be left from an earlier, broken run. A folder is none, and stays."""
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(path.lstat().st_mode):
                self.remove(path)

    def discard_remains(self, path: Path) -> None:
        """Remove what processes that are gone left behind when they were replacing *path*."""
        start = f".{path.name}."
        for beside in tuple(path.parent.iterdir()):
            process = beside.name.removeprefix(start).removesuffix(".new")
            if beside.name == f"{start}{process}.new" and process.isdigit() and not _is_running(int(process)):
                self.discard(beside)

    def _temporary(self, path: Path) -> Path:
        """A free name beside *path*: this process's own, so that two that replace one file do not meet."""
        self.discard_remains(path)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
        self.discard(temporary)
        return temporary


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say in the user's words what the disk refuses in this block: MachineLacks.

    *path* stands in for errors that name no file: a full disk is noticed while writing to a descriptor. Errors
    that are no fault of the machine (a missing file, a name that is taken) pass.
    """
    try:
        yield
    except OSError as error:
        found = lacking(error, path)
        if found is None:
            raise
        raise found from error


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield descriptor
    except OSError as error:
        # Calls on a descriptor do not know the name that the message needs.
        error.filename = error.filename or str(path)
        raise
    finally:
        os.close(descriptor)


def _is_running(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def _make_writable(folder: Path) -> None:
    """Give the owner all rights on every folder below, without which nothing in it can be removed."""
    mode = stat.S_IMODE(folder.lstat().st_mode)
    if mode & 0o700 != 0o700:
        folder.chmod(mode | 0o700)
    with os.scandir(folder) as entries:
        folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    for below in folders:
        _make_writable(below)
