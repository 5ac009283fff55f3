"""A folder that is reached without following a link and then held by its descriptor, and what lies in it.

Whatever is renamed or swapped above it afterwards, the names given to a `Folder` are looked up in the very folder
that was reached: openat(2), O_NOFOLLOW. That is what makes changes below folders of others safe for root.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import shlex
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NoReturn

from rocmswitch.errors import NotFound, Refused
from rocmswitch.model.deployment import ABSENT, FILE, LINK, NOTHING, FileState, Seen
from rocmswitch.system.attributes import attributes_of
from rocmswitch.system.copying import hash_opened
from rocmswitch.system.descriptors import named

_KINDS = (
    (stat.S_ISLNK, "a symlink"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISREG, "a file"),
)

_SYSTEM = frozenset(
    ("", "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "run", "sbin", "sys", "usr", "var")
)
"""The first folder of what is no home; where there is but one folder, none."""


@dataclass(frozen=True)
class Folder:
    """`descriptor` is open for reading, so that the folder can be synced by it; `path` is for messages."""

    path: Path
    descriptor: int

    @classmethod
    @contextlib.contextmanager
    def reached(cls, path: Path) -> Iterator[Folder]:
        """The folder *path*, absolute and plain, none of whose components is a link.

        Raises NotFound where a component is missing, Refused where it is no folder, OSError.
        """
        descriptor = _descend(path)
        try:
            yield cls(path, descriptor)
        finally:
            os.close(descriptor)

    def path_of(self, name: str) -> Path:
        """For messages. Raises Refused for what is no name of an entry, such as `..` or `a/b`."""
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise Refused(f"`{name!a}` is no name of a file in `{self.path}`")
        return self.path / name

    def seen(self, name: str) -> Seen:
        """What stands there now. Raises Refused for what is neither a file nor a symlink, OSError."""
        path = self.path_of(name)
        with named(path):
            try:
                found = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            except FileNotFoundError:
                return Seen()
            if not stat.S_ISREG(found.st_mode) and not stat.S_ISLNK(found.st_mode):
                raise Refused(f"`{path}` is {_kind(found.st_mode)}, where a file is expected")
            target = self._target(name) if stat.S_ISLNK(found.st_mode) else ""
        return replace(seen_of(found), kind=LINK if stat.S_ISLNK(found.st_mode) else FILE, target=target)

    def check_writable(self) -> None:
        """Raise OSError, EROFS or EACCES, where this user can change no entry: a mount, a mode, `chattr +i`."""
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=self.descriptor, effective_ids=True):
            is_read_only = os.fstatvfs(self.descriptor).f_flag & os.ST_RDONLY
            code = errno.EROFS if is_read_only else errno.EACCES
            raise OSError(code, os.strerror(code), str(self.path))

    def open(self, name: str) -> BinaryIO:
        """The regular file *name*, to be read. Raises NotFound, Refused for anything else, OSError."""
        path = self.path_of(name)
        # Looked at before: opening a device can do something, and a socket answers with a riddle.
        seen = self.seen(name)
        if seen.kind == ABSENT:
            raise NotFound(f"`{path}` is not there")
        if seen.kind == LINK:
            raise Refused(f"`{path}` is a symlink, where a file is expected")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        with named(path), self._unswapped(name):
            descriptor = os.open(name, flags, dir_fd=self.descriptor)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise Refused(f"`{path}` is {_kind(found.st_mode)}, where a file is expected")
        return os.fdopen(descriptor, "rb", buffering=0)

    def state(self, name: str, *, sha256: str | None = None) -> FileState:
        """What stands there, whole; its content is read unless its *sha256* is known.

        Raises as `seen`, and Refused where it was changed while it was read.
        """
        seen = self.seen(name)
        if seen.kind == ABSENT:
            return NOTHING
        if seen.kind == LINK:
            with named(self.path_of(name)):
                found = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            return FileState(
                LINK, owner=found.st_uid, group=found.st_gid, modified=found.st_mtime_ns, target=seen.target
            )
        with self.open(name) as file, named(self.path_of(name)):
            return opened_state(file, self.path_of(name), sha256=sha256)

    def _target(self, name: str) -> str:
        with self._unswapped(name):
            return os.readlink(name, dir_fd=self.descriptor)

    @contextlib.contextmanager
    def _unswapped(self, name: str) -> Iterator[None]:
        """What was a file, or a symlink, a moment ago is something else now where it cannot be opened as that."""
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.ENOENT):
                raise
            raise Refused(f"`{self.path_of(name)}` was replaced while it was looked at") from error


def seen_of(found: os.stat_result) -> Seen:
    """A regular file, by what fstat(2) says of it."""
    return Seen(FILE, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def opened_state(file: BinaryIO, path: Path, *, sha256: str | None = None) -> FileState:
    """As `Folder.state`, of the regular *file* that is open; *path* is for messages."""
    before = os.fstat(file.fileno())
    digest = hash_opened(file) if sha256 is None else sha256
    found = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (found.st_size, found.st_mtime_ns):
        raise Refused(f"`{path}` was written to while it was read")
    return FileState(
        FILE,
        sha256=digest,
        size=found.st_size,
        mode=stat.S_IMODE(found.st_mode),
        owner=found.st_uid,
        group=found.st_gid,
        modified=found.st_mtime_ns,
        attributes=attributes_of(file.fileno()),
    )


def check_trusted(path: Path, user: int, accounts: Iterable[pwd.struct_passwd] | None = None) -> None:
    """That root may change what lies in *path*: nobody else can swap a folder on the way, and it is nobody's home.

    Of use for root alone: nothing is asked of another *user* (an effective id). *accounts* are those of the
    machine unless they are given. Raises Refused, with the line to type where somebody's own files are meant.
    """
    if user != 0:
        return
    everybody = tuple(pwd.getpwall() if accounts is None else accounts)
    for account in everybody:
        if account.pw_uid != 0 and _is_home(home := Path(account.pw_dir)) and home in (path, *path.parents):
            raise _belongs_to(path, account.pw_name)
    names = {account.pw_uid: account.pw_name for account in everybody}
    for here in (*reversed(path.parents), path):
        with named(here):
            found = here.lstat()
        if found.st_uid != 0:
            raise _belongs_to(here, names.get(found.st_uid, str(found.st_uid)))
        # In a sticky folder nobody can take away what is root's, and that the next one is.
        is_safe = found.st_mode & stat.S_ISVTX and here != path
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not is_safe:
            raise Refused(
                f"`{here}` may be written by others than root, who could put something else in its place",
                hint=f"run `chmod go-w {shlex.quote(str(here))}`",
            )


def _is_home(home: Path) -> bool:
    """Whether a person's files lie there: accounts of the system have `/`, `/bin`, `/var/mail` and the like."""
    top = home.parts[1] if home.is_absolute() and len(home.parts) > 2 else ""
    return top not in _SYSTEM or home.parts[1:3] == ("var", "home")


def _belongs_to(path: Path, owner: str) -> Refused:
    return Refused(
        f"`{path}` belongs to `{owner}`, whose files are not changed as root",
        hint=f"run the same command as `{owner}`, without `sudo`",
    )


def _descend(path: Path) -> int:
    if not path.is_absolute() or ".." in path.parts:
        raise Refused(f"`{path}` is no plain absolute path")
    reading = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open("/", reading)
    for number, name in enumerate(path.parts[1:], start=2):
        # Passing through needs no right to read; syncing the last one does.
        flags = reading if number == len(path.parts) else reading | os.O_PATH
        here = Path(*path.parts[:number])
        try:
            below = os.open(name, flags, dir_fd=descriptor)
        except OSError as error:
            _refuse(error, here, descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def _refuse(error: OSError, path: Path, above: int) -> NoReturn:
    """Say of *path*, which could not be opened as a folder, what it is instead."""
    if isinstance(error, FileNotFoundError):
        raise NotFound(f"`{path}` is not there") from error
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        with contextlib.suppress(OSError):
            kind = _kind(os.stat(path.name, dir_fd=above, follow_symlinks=False).st_mode)
            raise Refused(f"`{path}` is {kind}, where a folder is expected") from error
        raise Refused(f"`{path}` is no folder") from error
    error.filename = str(path)
    raise error


def _kind(mode: int) -> str:
    return next((words for is_it, words in _KINDS if is_it(mode)), "something unknown")
