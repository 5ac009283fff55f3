"""The saved files of one generation: how their bytes get into its folder and back, without a copy where possible.

A file is saved, and put back, by the first of these that the file system can do: sharing its blocks (reflink),
a second name (hard link), a copy. A hard link keeps the very file, so that one which was shared with the cache of
uv is shared again once it is back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rocmswitch.deploy.sharing import copied, works
from rocmswitch.errors import Refused, VerificationFailed
from rocmswitch.model.deployment import FILE, LINK, FileState
from rocmswitch.system.copying import copy_hashed, hash_opened
from rocmswitch.system.disk import Disk
from rocmswitch.system.folder import Folder, opened_state
from rocmswitch.system.reading import open_regular

COPIED = 0o600
"""The mode of a saved copy or reflink; a saved link has that of the file."""


class Vault:
    """*folder* is that of the generation: it exists and is private. Names in it are plain.

    What is saved, or put back, by a hard link is one file with two names: whoever writes to it in place, as a plain
    `cp` over it does, changes both. A copy would take as long as the deployment; so the hash is looked at before
    anything is put back, and `history` notices a file that was written to since.

    Methods raise OSError. Files that they make are synced, the folders that got a name are not.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk

    def save(self, folder: Folder, name: str, saved: str, *, known: FileState | None = None) -> FileState:
        """Bring the bytes of *name* into the vault, where it is a file, as *saved*; its state in any case.

        They are read, unless they are *known* and no copy is needed. A hard link gives *name* another st_ctime.
        Raises Refused where it changed meanwhile.
        """
        if folder.seen(name).kind != FILE:
            return folder.state(name)
        path, copy = folder.path_of(name), self._folder / saved
        expected = known.sha256 if known is not None else ""
        with folder.open(name) as file:
            before = os.fstat(file.fileno())
            if self._shared(file, folder, name, saved):
                sha256 = expected or self._hash(saved)
            else:
                with self._disk.create(copy, COPIED) as target:
                    sha256 = copy_hashed(file, target)
            self._disk.sync_file(copy)
            state = opened_state(file, path, sha256=sha256)
        if (state.size, state.modified) != (before.st_size, before.st_mtime_ns):
            raise Refused(f"`{path}` was written to while it was saved")
        if copy.stat().st_size != state.size or (expected and sha256 != expected):
            raise Refused(f"`{path}` is another file than it was")
        return state

    def put(self, saved: str, state: FileState, folder: Folder, name: str, *, is_apart: bool = False) -> None:
        """Make *name*, which must not exist, with exactly *state*; what *saved* holds is verified before.

        Where *is_apart*, it is no other name of what is saved, whatever that costs. Raises VerificationFailed, with
        nothing at *name*, and FileExistsError.
        """
        if state.kind == LINK:
            self._disk.symlink_in(folder, name, state.target)
            self._disk.set_attributes_in(folder, name, state)
        if state.kind != FILE:
            return
        with self._opened(saved, state) as file:
            if is_apart or not self._linked(file, saved, state, folder, name):
                if copied(file, folder, name, self._disk) != state.sha256:
                    self._disk.remove_in(folder, name)
                    raise self._damaged(saved)
                self._disk.set_attributes_in(folder, name, state)
                self._disk.sync_in(folder, name)

    def keep(self, folder: Folder, name: str, kept: str) -> bool:
        """Hold on to the bytes of the file *name* as *kept*; False, and nothing done, where that were a copy."""
        with folder.open(name) as file:
            is_kept = self._shared(file, folder, name, kept)
        if is_kept:
            self._disk.sync_file(self._folder / kept)
        return is_kept

    def check(self, saved: str, state: FileState) -> None:
        """Raises VerificationFailed where *saved* does not hold the bytes of *state*."""
        if state.kind == FILE:
            with self._opened(saved, state) as file:
                if hash_opened(file) != state.sha256:
                    raise self._damaged(saved)

    def _shared(self, file: BinaryIO, folder: Folder, name: str, saved: str) -> bool:
        """Whether *saved* has the bytes of *file*, which *name* is, without a copy."""
        if works(lambda: self._disk.clone(file, self._folder / saved, COPIED)):
            return True
        if not works(lambda: self._disk.link_out(folder, name, self._folder / saved)):
            return False
        if not os.path.samestat((self._folder / saved).lstat(), os.fstat(file.fileno())):
            raise Refused(f"`{folder.path_of(name)}` was replaced while it was saved")
        return True

    def _linked(self, file: BinaryIO, saved: str, state: FileState, folder: Folder, name: str) -> bool:
        """Whether *name* is now the very file that was saved, with its owner, its times and all else."""
        if opened_state(file, self._folder / saved, sha256=state.sha256) != state:
            return False
        if hash_opened(file) != state.sha256:
            raise self._damaged(saved)
        return works(lambda: self._disk.link_in(self._folder / saved, folder, name))

    def _hash(self, saved: str) -> str:
        with open_regular(self._folder / saved) as file:
            return hash_opened(file)

    @contextlib.contextmanager
    def _opened(self, saved: str, state: FileState) -> Iterator[BinaryIO]:
        path = self._folder / saved
        if path.is_symlink() or path.is_dir():
            raise self._damaged(saved)
        try:
            file = open_regular(path)
        except FileNotFoundError as error:
            raise VerificationFailed(f"the backup `{path}` is gone") from error
        with file:
            if os.fstat(file.fileno()).st_size != state.size:
                raise self._damaged(saved)
            yield file

    def _damaged(self, saved: str) -> VerificationFailed:
        return VerificationFailed(
            f"the backup `{self._folder / saved}` is damaged: it has another hash than recorded"
        )
