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
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class Change:
    """One primitive change of the disk. `kind` is the name of the method; `target` only where there are two."""

    kind: str
    path: Path
    target: str = ""


class Disk:
    """The machine's disk."""

    def about_to(self, change: Change) -> None:
        """Called before each primitive change; the real disk has nothing to say."""

    def make_directory(self, path: Path, mode: int = 0o755) -> None:
        """Make one folder whose parent exists. Raises FileExistsError."""
        self.about_to(Change("make_directory", path))
        path.mkdir(mode)

    def make_directories(self, path: Path) -> None:
        """Make *path* and what is missing above it, each synced into its parent."""
        missing = []
        while not path.is_dir():
            missing.append(path)
            path = path.parent
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                self.make_directory(folder)
            self.sync_directory(folder.parent)

    @contextlib.contextmanager
    def create(self, path: Path, mode: int = 0o644) -> Iterator[BinaryIO]:
        """A new file to stream into. Raises FileExistsError; a symlink in its place is never followed."""
        self.about_to(Change("create", path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            yield file

    def write_file(self, path: Path, content: bytes, mode: int = 0o644) -> None:
        """A new file with *content*, whole and synced; its name is safe only after `sync_directory`."""
        with self.create(path, mode) as file:
            file.write(content)
        self.sync_file(path)

    def sync_file(self, path: Path) -> None:
        self.about_to(Change("sync_file", path))
        _sync(path, os.O_RDONLY | os.O_NOFOLLOW)

    def sync_directory(self, path: Path) -> None:
        self.about_to(Change("sync_directory", path))
        _sync(path, os.O_RDONLY | os.O_DIRECTORY)

    def sync_filesystem(self, path: Path) -> None:
        """Everything on the file system of *path* has reached the disk when this returns."""
        self.about_to(Change("sync_filesystem", path))
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _syncfs(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, path: Path, target: Path) -> None:
        """Give *path* the name *target*, in place of what has it now. Raises OSError EXDEV."""
        self.about_to(Change("rename", path, str(target)))
        path.replace(target)

    def link(self, path: Path, target: Path) -> None:
        """A second name, *target*, for the file *path*."""
        self.about_to(Change("link", path, str(target)))
        os.link(path, target, follow_symlinks=False)

    def symlink(self, path: Path, target: str) -> None:
        """A symlink at *path* that says *target*."""
        self.about_to(Change("symlink", path, target))
        path.symlink_to(target)

    def set_mode(self, path: Path, mode: int) -> None:
        self.about_to(Change("set_mode", path, oct(mode)))
        path.chmod(mode)

    def remove(self, path: Path) -> None:
        """Remove one file or symlink. Raises FileNotFoundError."""
        self.about_to(Change("remove", path))
        path.unlink()

    def remove_tree(self, path: Path) -> None:
        """Remove a folder and what is in it, read-only or not. What is not there is removed already."""
        self.about_to(Change("remove_tree", path))
        if not path.is_symlink() and path.exists():
            _make_writable(path)
            shutil.rmtree(path)

    def replace_file(self, path: Path, content: bytes, mode: int = 0o644) -> None:
        """*path* holds *content* or what it held before, whatever happens; when this returns, *content*."""
        temporary = path.with_name(f".{path.name}.new")
        self.discard(temporary)
        self.write_file(temporary, content, mode)
        self.rename(temporary, path)
        self.sync_directory(path.parent)

    def replace_symlink(self, path: Path, target: str) -> None:
        """*path* points to *target* or to what it pointed to before; when this returns, to *target*."""
        temporary = path.with_name(f".{path.name}.new")
        self.discard(temporary)
        self.symlink(temporary, target)
        self.rename(temporary, path)
        self.sync_directory(path.parent)

    def discard(self, path: Path) -> None:
        """Remove a file or symlink that may be left from an earlier, broken run."""
        if path.is_symlink() or path.exists():
            self.remove(path)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _syncfs(descriptor: int) -> None:
    """syncfs(2), which Python does not wrap; where the C library has none, sync(2) does more."""
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
    elif syncfs(descriptor) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _make_writable(folder: Path) -> None:
    """Give the owner write permission on every folder below, without which nothing in it can be removed."""
    for current, _, _ in os.walk(folder):
        mode = stat.S_IMODE(Path(current).lstat().st_mode)
        if mode & 0o700 != 0o700:
            Path(current).chmod(mode | 0o700)
