"""The snapshots of a system: `N/` with a manifest, whose seal is the commit point, and the copied files.

Made as `.N.new`, synced and renamed: a folder that is called so is debris of a run that was killed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.errors import NotFound, Refused, RocmswitchError, VerificationFailed
from rocmswitch.metadata.snapshot import (
    ATTRIBUTES,
    FILES,
    MANIFEST,
    SCRIPT,
    SEAL,
    encode_attributes,
    encode_manifest,
    parse_manifest,
    parse_snapshot,
    seal_of,
)
from rocmswitch.model.snapshot import Snapshot, SnapshotFile
from rocmswitch.store.layout import Layout
from rocmswitch.store.ownfolders import HERE, check_own, make_own
from rocmswitch.store.private import make_private
from rocmswitch.system.copying import copy_hashed, hash_opened
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.folder import Folder
from rocmswitch.system.lock import held
from rocmswitch.system.reading import open_regular

_PRIVATE = 0o600
_SHARED = ("boot/", "efi/")
_LARGEST = 64 << 20
"""Bytes of a manifest or of attributes: a hostile one shall not fill the memory."""


@dataclass(frozen=True)
class Unusable:
    """A snapshot that may not be used, and why: a sentence without a full stop."""

    number: int
    reason: str


class Snapshots:
    """Those of the system whose root is the folder *base*. Every reading checks the seal and whose folder it is."""

    def __init__(self, layout: Layout, disk: Disk, base: Path = HERE) -> None:
        self._layout, self._disk, self._base = layout, disk, base

    def numbers(self) -> tuple[int, ...]:
        """Of all that are complete, in order. Raises OSError where this user may not look."""
        try:
            found = [*self._layout.snapshots.iterdir()]
        except FileNotFoundError:
            return ()
        names = (path.name for path in found if path.is_dir() and not path.is_symlink())
        return tuple(sorted(int(name) for name in names if name.isascii() and name.isdecimal() and name[0] != "0"))

    def folder(self, number: int) -> Path:
        return self._layout.snapshots / str(number)

    def file(self, number: int, path: str) -> Path:
        """Where the copy of *path* lies; whoever uses it compares its hash."""
        return self.folder(number) / FILES / path

    def read(self, number: int) -> Snapshot:
        """Checks the seal, the manifest and the attributes, not the copies: `damaged` does that.

        Raises NotFound, VerificationFailed, Refused where others than root may write to it.
        """
        folder = self.folder(number)
        if not folder.is_dir():
            raise NotFound(f"there is no snapshot {number}")
        check_own(folder, self._base)
        manifest, seal, attributes = (_content(folder / name, number) for name in (MANIFEST, SEAL, ATTRIBUTES))
        if seal != seal_of(manifest):
            raise VerificationFailed(f"the manifest of snapshot {number} is not the one that was sealed")
        return parse_snapshot(number, manifest, attributes)

    def all(self) -> tuple[Snapshot | Unusable, ...]:
        """Every one, the newest first."""
        return tuple(self._read_or_why(number) for number in reversed(self.numbers()))

    def newest(self) -> Snapshot | None:
        """The newest that may be used."""
        return next((one for one in self.all() if isinstance(one, Snapshot)), None)

    def damaged(self, number: int) -> tuple[str, ...]:
        """What of snapshot *number* is missing or has another hash, by its path in there. Reads everything.

        Raises as `read`.
        """
        self.read(number)
        stated = parse_manifest((self.folder(number) / MANIFEST).read_bytes())
        return tuple(path for path, digest in stated.items() if not self._holds(number, path, digest))

    def is_intact(self, number: int, file: SnapshotFile) -> bool:
        """Whether the copy still is what was copied. Reads it."""
        return self._holds(number, f"{FILES}/{file.path}", file.state.sha256)

    def write(self, one: Snapshot, script: bytes, *, wait: float) -> Snapshot:
        """Copy everything that *one* names, as the next number; *script* is recover.sh. *wait* is seconds.

        Raises Busy, MachineLacks, Refused where a file is not what *one* says of it any more.
        """
        layout, disk = self._layout, self._disk
        with disk_errors(layout.snapshots):
            check_own(layout.snapshots, self._base)
            make_own(layout, disk, self._base)
            with held(layout.locks / "snapshots.lock", wait=wait, what="snapshots"):
                make_private(layout.snapshots, layout.scope, disk)
                disk.sync_directory(layout.data)
                self._remove_debris()
                number, before = max(self.numbers(), default=0) + 1, self.newest()
                made = Snapshot(number, one.created, one.why, one.kernels, one.files, one.links)
                new = layout.snapshots / f".{number}.new"
                self._fill(new, made, script, before)
                disk.rename(new, self.folder(number))
                disk.sync_directory(layout.snapshots)
        return made

    def let_go(self, numbers: Collection[int], *, wait: float) -> None:
        """Remove these for good, each at once: what is cut off leaves no part of one. *wait* is seconds.

        Raises Busy, MachineLacks, Refused.
        """
        layout, disk = self._layout, self._disk
        if not numbers and not self.debris():
            return
        with disk_errors(layout.snapshots):
            check_own(layout.snapshots, self._base)
            with held(layout.locks / "snapshots.lock", wait=wait, what="snapshots"):
                self._remove_debris()
                for number in numbers:
                    disk.rename(self.folder(number), layout.snapshots / f".{number}.new")
                disk.sync_directory(layout.snapshots)
                self._remove_debris()

    def _fill(self, new: Path, one: Snapshot, script: bytes, before: Snapshot | None) -> None:
        disk = self._disk
        disk.make_directory(new, 0o700)
        for file in one.files:
            self._make_folders((new / FILES / file.path).parent)
            if before is not None and self._is_shared(file, before):
                disk.link(self.file(before.number, file.path), new / FILES / file.path)
            else:
                self._copy(file, new / FILES / file.path)
        attributes = encode_attributes(one)
        for name, content in ((ATTRIBUTES, attributes), (SCRIPT, script)):
            disk.write_file(new / name, content, _PRIVATE)
        stated = {f"{FILES}/{file.path}": file.state.sha256 for file in one.files}
        stated |= {name: hash_of(new / name) for name in (ATTRIBUTES, SCRIPT)}
        manifest = encode_manifest(stated)
        disk.write_file(new / MANIFEST, manifest, _PRIVATE)
        disk.sync_filesystem(new)
        disk.write_file(new / SEAL, seal_of(manifest), _PRIVATE)
        disk.sync_directory(new)

    def _copy(self, file: SnapshotFile, target: Path) -> None:
        source = self._base / file.path
        with (
            Folder.reached(source.parent) as folder,
            folder.open(source.name) as opened,
            self._disk.create(target, _PRIVATE) as copy,
        ):
            digest = copy_hashed(opened, copy)
        if digest != file.state.sha256:
            raise Refused(f"`{source}` was changed while it was copied")

    def _is_shared(self, file: SnapshotFile, before: Snapshot) -> bool:
        """Whether the copy in *before* serves for both: boot images are large, and can be made anew."""
        copied = before.find(file.path) if file.path.startswith(_SHARED) else None
        if copied is None or copied.state.sha256 != file.state.sha256:
            return False
        return self.is_intact(before.number, copied)

    def _make_folders(self, folder: Path) -> None:
        """Nobody's but root's, whatever its umask."""
        if not folder.is_dir():
            self._make_folders(folder.parent)
            self._disk.make_directory(folder, 0o700)

    def debris(self) -> tuple[Path, ...]:
        """What is left of one whose writing or removal was cut off. Raises OSError where this user may not look."""
        return tuple(sorted(self._layout.snapshots.glob(".*.new")))

    def _remove_debris(self) -> None:
        for path in self.debris():
            self._disk.remove_tree(path)

    def _read_or_why(self, number: int) -> Snapshot | Unusable:
        try:
            return self.read(number)
        except RocmswitchError as error:
            return Unusable(number, error.message)

    def _holds(self, number: int, path: str, digest: str) -> bool:
        try:
            return hash_of(self.folder(number) / path) == digest
        except OSError:
            return False


def hash_of(path: Path) -> str:
    """SHA-256 in hex. Raises OSError, also for what is no regular file."""
    with open_regular(path) as file:
        return hash_opened(file)


def _content(path: Path, number: int) -> bytes:
    """A small file of a snapshot, which no link leads to and nobody else may write."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            raise VerificationFailed(f"`{path}` is no file of a snapshot")
        if os.geteuid() == 0 and (found.st_uid != 0 or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
            raise Refused(f"`{path}` may be written by others than root, so snapshot {number} is not to be trusted")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise VerificationFailed(f"`{path.name}` of snapshot {number} is missing") from error
