"""Reading a system that may be mounted anywhere, and may be hostile: never a file of this machine's by accident.

A link in another system's tree that says `/etc/x` means that system's. FIFOs and devices are not opened, and what
could not be read is remembered, because silence would look like absence.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_LINK_LIMIT = 40
"""As the kernel: path_resolution(7)."""
_TEXT_LIMIT = 16 * 1024 * 1024
"""Bytes. The largest text that is read whole, dpkg's status of a large system, has 8 MB."""
_ABSENT = (errno.ENOENT, errno.ENOTDIR)


def within(root: Path, path: str) -> str:
    """The real path of *path* below *root*, links followed as if *root* were `/`; without a leading slash.

    `..` leads nowhere above. What is not there is kept as it is spelled. Raises OSError, ELOOP where links lead in
    a circle and EINVAL for what no path can be.
    """
    if "\0" in path:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path.replace("\0", "\\0"))
    done: list[str] = []
    waiting = path.split("/")[::-1]
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            del done[-1:]
        elif part not in ("", "."):
            target = _link_target(root.joinpath(*done, part))
            if target is None:
                done.append(part)
                continue
            if (links := links + 1) > _LINK_LIMIT:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), f"{root}/{path.lstrip('/')}")
            done = [] if target.startswith("/") else done
            waiting += target.split("/")[::-1]
    return "/".join(done)


def _link_target(path: Path) -> str | None:
    """None for what is no link, is not there, or lies in a folder that may not be entered."""
    try:
        return os.readlink(path)  # noqa: PTH115  # Path.readlink would lose `./` and a trailing slash
    except OSError:
        return None


class SystemRoot:
    """The files of the system at *root*, an absolute folder. Paths are relative to it; a leading slash is ignored.

    What is not there is empty; what is there and could not be read, too, and is told by `unread`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._unread: dict[str, None] = {}

    @property
    def unread(self) -> tuple[str, ...]:
        """What could not be read and why: sentences without a full stop."""
        return tuple(self._unread)

    def note(self, path: str, why: str) -> None:
        """Remember that *path* could not be read."""
        self._unread[f"`/{path.lstrip('/')}` could not be read: {why}"] = None

    def within(self, path: str) -> str:
        """As the function; *path* itself where its links lead in a circle."""
        try:
            return within(self.root, path)
        except OSError as error:
            self._note_failure(path, error)
            return path.strip("/").replace("\0", "")

    def status(self, path: str) -> os.stat_result | None:
        """Of what *path* leads to; None where nothing is there."""
        try:
            return (self.root / within(self.root, path)).lstat()
        except OSError as error:
            self._note_failure(path, error)
            return None

    def is_folder(self, path: str) -> bool:
        found = self.status(path)
        return found is not None and stat.S_ISDIR(found.st_mode)

    def is_file(self, path: str) -> bool:
        found = self.status(path)
        return found is not None and stat.S_ISREG(found.st_mode)

    def open(self, path: str) -> BinaryIO:
        """The regular file that *path* leads to. Raises OSError, EINVAL for what is no regular file."""
        whole = self.root / within(self.root, path)
        # Looked at before: opening a device can do something, even without blocking.
        _check_regular(whole.lstat().st_mode, whole)
        descriptor = os.open(whole, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            _check_regular(os.fstat(descriptor).st_mode, whole)
        except OSError:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")

    def read(self, path: str, limit: int = _TEXT_LIMIT) -> bytes | None:
        """The bytes of a file; None where none is there or where it has more than *limit*."""
        try:
            with self.open(path) as file:
                content = file.read(limit + 1)
        except OSError as error:
            self._note_failure(path, error)
            return None
        if len(content) > limit:
            self.note(path, f"it has more than {limit} bytes")
            return None
        return content

    def text(self, path: str) -> str:
        """What a file says, empty where there is none; bytes that are no text are spelled out: `\\xff`."""
        return (self.read(path) or b"").decode(errors="backslashreplace")

    def names(self, folder: str) -> tuple[str, ...]:
        """What lies in *folder*, sorted. Names that are no text are as Python escapes them: they can be opened."""
        try:
            return tuple(sorted(os.listdir(self.root / within(self.root, folder))))  # noqa: PTH208  # names alone
        except OSError as error:
            self._note_failure(folder, error)
            return ()

    def below(self, folder: str) -> Iterator[str]:
        """The paths of all regular files below *folder*; only links on the way to it are followed."""
        waiting = [self.within(folder)]
        while waiting:
            here = waiting.pop()
            for entry in self._entries(here):
                path = f"{here}/{entry.name}" if here else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif entry.is_file(follow_symlinks=False):
                    yield path

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(entries, key=lambda one: one.name)
        except OSError as error:
            self._note_failure(folder, error)
            return []

    def _note_failure(self, path: str, error: OSError) -> None:
        if error.errno not in _ABSENT:
            self.note(path, error.strerror or str(error))


def _check_regular(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
