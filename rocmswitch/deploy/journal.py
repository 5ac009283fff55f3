"""The journal of the change that is under way: one file, replaced whole at each stage."""

from __future__ import annotations

import stat
from pathlib import Path

from rocmswitch.metadata.journal import Journal, encode_journal, parse_journal
from rocmswitch.system.disk import Disk

OPEN = "open"


class JournalFile:
    """`open` in *folder*: there from before the first change of a file of others until the change is recorded."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._path = folder / OPEN
        self._disk = disk

    @property
    def is_open(self) -> bool:
        """One lstat."""
        return is_there(self._path)

    @property
    def has_remains(self) -> bool:
        """Whether writing it was broken off."""
        return is_there(unfinished(self._path))

    def read(self) -> Journal:
        """Raises FileNotFoundError, VerificationFailed, Failed."""
        return parse_journal(self.content(), str(self._path))

    def content(self) -> bytes:
        """Whatever it holds; nothing where it is no regular file. Raises FileNotFoundError."""
        if not stat.S_ISREG(self._path.lstat().st_mode):
            return b""  # a link leads to what is not ours, and a FIFO waits for whoever writes
        return self._path.read_bytes()

    def write(self, journal: Journal) -> None:
        """When this returns, a power cut leaves *journal* there; before, this one or the one before it."""
        write_beside(self._path, encode_journal(journal), 0o600, self._disk)

    def discard(self) -> None:
        """It is gone for good when this returns: a change that was undone is not undone twice."""
        self._disk.discard(unfinished(self._path))
        self._disk.discard(self._path)
        self._disk.sync_directory(self._path.parent)


def unfinished(path: Path) -> Path:
    """What becomes *path*. One name is enough, because whoever writes here holds the lock."""
    return path.with_name(f"{path.name}.new")


def write_beside(path: Path, content: bytes, mode: int, disk: Disk) -> None:
    """*path* holds *content* or what it held before; when this returns, *content*."""
    beside = unfinished(path)
    disk.discard(beside)
    disk.write_file(beside, content, mode)
    disk.rename(beside, path)
    disk.sync_directory(path.parent)


def is_there(path: Path) -> bool:
    """Whether anything is, whatever it is. Raises OSError where that cannot be told."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
