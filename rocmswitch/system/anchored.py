"""Changes of the disk that are anchored: below a `Folder` that is held by its descriptor.

A part of `Disk`, for folders that other programs use or other users could meddle with.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rocmswitch.system.descriptors import named, sync_opened_folder

if TYPE_CHECKING:  # Every command loads this module, and few of them change anything.
    from rocmswitch.model.deployment import FileState
    from rocmswitch.system.folder import Folder

_FICLONE = 0x40049409
"""linux/fs.h: make one file share the blocks of another until either is written to."""


@dataclass(frozen=True)
class Change:
    """One primitive change of the disk. `kind` is the name of the method; `target` only where there are two."""

    kind: str
    path: Path
    target: str = ""


class Anchored:
    """Names are those of entries of the folder. The methods raise OSError with the whole path, and Refused."""

    def about_to(self, change: Change) -> None:
        """Called before each primitive change; the real disk has nothing to say."""

    @contextlib.contextmanager
    def create_in(self, folder: Folder, name: str, mode: int = 0o600) -> Iterator[BinaryIO]:
        """A new file to stream into, with exactly *mode* whatever the umask.

        Raises FileExistsError; a symlink in its place is never followed.
        """
        path = folder.path_of(name)
        self.about_to(Change("create_in", path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with named(path), os.fdopen(os.open(name, flags, 0o600, dir_fd=folder.descriptor), "wb") as file:
            os.fchmod(file.fileno(), mode)
            yield file

    def rename_in(self, folder: Folder, name: str, target_name: str) -> None:
        """Give *name* the name *target_name* in the same folder, in place of what has it now."""
        path, target = folder.path_of(name), folder.path_of(target_name)
        self.about_to(Change("rename_in", path, str(target)))
        with named(path):
            moved = folder.seen(name)
            os.replace(name, target_name, src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)
            # Of two names of one file, rename(2) leaves both.
            if (left := folder.seen(name)).inode == moved.inode and left.device == moved.device:
                os.unlink(name, dir_fd=folder.descriptor)

    def link_out(self, folder: Folder, name: str, target: Path) -> None:
        """A second name, *target*, a path of our own, for *name*. Raises FileExistsError, EXDEV, EMLINK, EPERM."""
        path = folder.path_of(name)
        self.about_to(Change("link_out", path, str(target)))
        with named(path):
            os.link(name, target, src_dir_fd=folder.descriptor, follow_symlinks=False)

    def link_in(self, path: Path, folder: Folder, name: str) -> None:
        """A second name, *name* in the folder, for *path*, a file of our own. Raises as `link_out`."""
        target = folder.path_of(name)
        self.about_to(Change("link_in", path, str(target)))
        with named(target):
            os.link(path, name, dst_dir_fd=folder.descriptor, follow_symlinks=False)

    def symlink_in(self, folder: Folder, name: str, target: str) -> None:
        """A new symlink that says *target*. Raises FileExistsError."""
        path = folder.path_of(name)
        self.about_to(Change("symlink_in", path, target))
        with named(path):
            os.symlink(target, name, dir_fd=folder.descriptor)

    def remove_in(self, folder: Folder, name: str) -> None:
        """Remove one file or symlink. Raises FileNotFoundError."""
        path = folder.path_of(name)
        self.about_to(Change("remove_in", path))
        with named(path):
            os.unlink(name, dir_fd=folder.descriptor)

    def sync_in(self, folder: Folder, name: str) -> None:
        """The bytes and attributes of a file have reached the disk when this returns; its name may not have."""
        path = folder.path_of(name)
        self.about_to(Change("sync_in", path))
        with named(path), folder.open(name) as file:
            os.fsync(file.fileno())

    def sync_folder(self, folder: Folder) -> None:
        """What was created, renamed and removed there has reached the disk when this returns."""
        self.about_to(Change("sync_folder", folder.path))
        with named(folder.path):
            sync_opened_folder(folder.descriptor)

    def set_attributes_in(self, folder: Folder, name: str, state: FileState) -> None:
        """Owner, mode, extended attributes and times as *state* has them, of a new file or symlink.

        What this user may not set stays as it is: the owner and what is root's own, unless this is root.
        """
        from rocmswitch.model.deployment import LINK
        from rocmswitch.system.attributes import set_attributes

        path = folder.path_of(name)
        self.about_to(Change("set_attributes_in", path, oct(state.mode)))
        with named(path):
            if state.kind == LINK:
                _set_link_attributes(folder, name, state)
                return
            with folder.open(name) as file:
                set_attributes(file.fileno(), state)

    def clone_in(self, source: BinaryIO, folder: Folder, name: str, mode: int = 0o600) -> None:
        """A new file that shares the blocks of *source*. Where that fails, there is none: OSError."""
        with self.create_in(folder, name, mode) as file:
            try:
                self._clone(source, file, folder.path_of(name))
            except OSError:
                self.remove_in(folder, name)
                raise

    def _clone(self, source: BinaryIO, target: BinaryIO, path: Path) -> None:
        import fcntl

        self.about_to(Change("clone", path))
        with named(path):
            fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())


def _set_link_attributes(folder: Folder, name: str, state: FileState) -> None:
    if os.geteuid() == 0:
        os.chown(name, state.owner, state.group, dir_fd=folder.descriptor, follow_symlinks=False)
    times = (state.modified, state.modified)
    os.utime(name, ns=times, dir_fd=folder.descriptor, follow_symlinks=False)
