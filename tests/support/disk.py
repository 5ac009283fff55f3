"""Disks for tests: one that forgets to wait, one that loses power, and one that records what was asked."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rocmswitch.model.deployment import FILE, FileState
from rocmswitch.system.disk import Change, Disk
from rocmswitch.system.folder import Folder

SYNCS = ("sync_file", "sync_directory", "sync_filesystem", "sync_in", "sync_folder")


class PowerCut(BaseException):
    """The machine lost power: no `except Exception` and no clean-up may go on."""


class HastyDisk(Disk):
    """The real disk without waiting for it: for preparing and for looking, where nobody cuts the power."""

    def sync_file(self, path: Path) -> None:
        self.about_to(Change("sync_file", path))

    def sync_directory(self, path: Path) -> None:
        self.about_to(Change("sync_directory", path))

    def sync_filesystem(self, path: Path) -> None:
        self.about_to(Change("sync_filesystem", path))

    def sync_in(self, folder: Folder, name: str) -> None:
        self.about_to(Change("sync_in", folder.path_of(name)))

    def sync_folder(self, folder: Folder) -> None:
        self.about_to(Change("sync_folder", folder.path))


class NotingDisk(HastyDisk):
    """Notes what was asked of it, in `changes`."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    def about_to(self, change: Change) -> None:
        self.changes.append(change)


class CuttingDisk(HastyDisk):
    """Loses power before the change number *at* (from 0), and at every later call again.

    A `remove_tree` stops half-way: it is cut after half of its files.
    """

    def __init__(self, at: int) -> None:
        self._at = at
        self.seen = 0
        self.is_cut = False

    def about_to(self, change: Change) -> None:
        if self.is_cut or self.seen == self._at:
            self.is_cut = True
            raise PowerCut(change)
        self.seen += 1

    def remove_tree(self, path: Path) -> None:
        half_way = not self.is_cut and self.seen == self._at
        if half_way and path.is_dir():
            files = sorted(one for one in path.rglob("*") if not one.is_dir() or one.is_symlink())
            for one in files[: len(files) // 2]:
                one.parent.chmod(0o755)
                one.unlink()
        super().remove_tree(path)


@dataclass(frozen=True)
class Node:
    """A file, folder or symlink, whatever its names are; `content` is the target of a symlink."""

    kind: str
    content: bytes = b""


@dataclass(frozen=True)
class NamesChanged:
    """Entries of folders that change together: (folder, name) means this node from now on, or none.

    Lasts from the first later sync of `folder` on.
    """

    entries: tuple[tuple[tuple[int, str], int | None], ...]
    folder: int


@dataclass(frozen=True)
class ContentWritten:
    node: int
    content: bytes


@dataclass(frozen=True)
class ModeSet:
    node: int
    mode: int


@dataclass(frozen=True)
class Synced:
    """`node` is None where the whole file system was."""

    node: int | None
    change: Change


Event = NamesChanged | ContentWritten | ModeSet | Synced
ROOT = 0


class RecordingDisk(HastyDisk):
    """Does what it is told below *root* and writes down, in `events`, what a disk would have to keep.

    What lies below *root* at the start is taken as being on the disk. The sync number *without* (from 0) is left
    out of the record, as if the code had forgotten it.
    """

    def __init__(self, root: Path, *, without: int | None = None) -> None:
        self._root = root
        self._without = without
        self._sync_count = 0
        self.syncs: list[Change] = []
        self.events: list[Event] = []
        self.nodes: list[Node] = [Node("directory")]
        self.modes: dict[int, int] = {ROOT: 0o755}
        self.names: dict[tuple[int, str], int] = {}
        self._load(root, ROOT)
        self.first_names = dict(self.names)
        self.first_modes = dict(self.modes)

    def make_directory(self, path: Path, mode: int = 0o755) -> None:
        super().make_directory(path, mode)
        self._add(path, Node("directory"), mode)

    @contextlib.contextmanager
    def create(self, path: Path, mode: int = 0o644) -> Iterator[BinaryIO]:
        with super().create(path, mode) as file, self._written(path, file, mode):
            yield file

    @contextlib.contextmanager
    def create_in(self, folder: Folder, name: str, mode: int = 0o600) -> Iterator[BinaryIO]:
        with super().create_in(folder, name, mode) as file, self._written(folder.path_of(name), file, mode):
            yield file

    @contextlib.contextmanager
    def edit(self, path: Path) -> Iterator[BinaryIO]:
        try:
            with super().edit(path) as file:
                yield file
        finally:
            self.events.append(ContentWritten(self._find(path), path.read_bytes()))

    def sync_file(self, path: Path) -> None:
        self._sync(self._find(path), Change("sync_file", path))

    def sync_directory(self, path: Path) -> None:
        self._sync(self._find(path), Change("sync_directory", path))

    def sync_filesystem(self, path: Path) -> None:
        self._sync(None, Change("sync_filesystem", path))

    def rename(self, path: Path, target: Path) -> None:
        super().rename(path, target)
        number = self._find(path)
        self._name(target, (self._entry(path), None), (self._entry(target), number))

    def link(self, path: Path, target: Path) -> None:
        super().link(path, target)
        self._name(target, (self._entry(target), self._find(path)))

    def symlink(self, path: Path, target: str) -> None:
        super().symlink(path, target)
        self._add(path, Node("link", os.fsencode(target)), 0o777)

    def rename_in(self, folder: Folder, name: str, target_name: str) -> None:
        super().rename_in(folder, name, target_name)
        path, target = folder.path_of(name), folder.path_of(target_name)
        self._name(target, (self._entry(path), None), (self._entry(target), self._find(path)))

    def link_out(self, folder: Folder, name: str, target: Path) -> None:
        super().link_out(folder, name, target)
        self._name(target, (self._entry(target), self._find(folder.path_of(name))))

    def link_in(self, path: Path, folder: Folder, name: str) -> None:
        super().link_in(path, folder, name)
        target = folder.path_of(name)
        self._name(target, (self._entry(target), self._find(path)))

    def symlink_in(self, folder: Folder, name: str, target: str) -> None:
        super().symlink_in(folder, name, target)
        self._add(folder.path_of(name), Node("link", os.fsencode(target)), 0o777)

    def remove_in(self, folder: Folder, name: str) -> None:
        super().remove_in(folder, name)
        path = folder.path_of(name)
        self._name(path, (self._entry(path), None))

    def set_attributes_in(self, folder: Folder, name: str, state: FileState) -> None:
        """Of attributes, the mode alone is part of the model."""
        super().set_attributes_in(folder, name, state)
        if state.kind == FILE:
            self.events.append(ModeSet(self._find(folder.path_of(name)), state.mode))

    def sync_in(self, folder: Folder, name: str) -> None:
        path = folder.path_of(name)
        self._sync(self._find(path), Change("sync_in", path))

    def sync_folder(self, folder: Folder) -> None:
        self._sync(self._find(folder.path), Change("sync_folder", folder.path))

    def set_mode(self, path: Path, mode: int) -> None:
        super().set_mode(path, mode)
        self.events.append(ModeSet(self._find(path), mode))

    def remove(self, path: Path) -> None:
        super().remove(path)
        self._name(path, (self._entry(path), None))

    def remove_tree(self, path: Path) -> None:
        """Recorded as the removals that it is made of, files before their folders."""
        gone = [] if not path.exists() else [*sorted(path.rglob("*"), reverse=True), path]
        super().remove_tree(path)
        for one in gone:
            self._name(one, (self._entry(one), None))

    @contextlib.contextmanager
    def _written(self, path: Path, file: BinaryIO, mode: int) -> Iterator[None]:
        """Records the content of the new *file* as it is at the end, also where it was removed meanwhile."""
        number = self._add(path, Node("file"), mode)
        try:
            yield
        finally:
            file.flush()
            self.events.append(ContentWritten(number, Path(f"/proc/self/fd/{file.fileno()}").read_bytes()))

    def _load(self, folder: Path, number: int) -> None:
        for path in sorted(folder.iterdir()):
            below = len(self.nodes)
            self.names[number, path.name] = below
            self.modes[below] = path.lstat().st_mode & 0o7777
            if path.is_symlink():
                self.nodes.append(Node("link", os.fsencode(path.readlink())))
            elif path.is_dir():
                self.nodes.append(Node("directory"))
                self._load(path, below)
            else:
                self.nodes.append(Node("file", path.read_bytes()))

    def _add(self, path: Path, node: Node, mode: int) -> int:
        self.nodes.append(node)
        number = len(self.nodes) - 1
        self._name(path, (self._entry(path), number))
        self.events.append(ModeSet(number, mode))
        return number

    def _name(self, path: Path, *entries: tuple[tuple[int, str], int | None]) -> None:
        for entry, number in entries:
            if number is None:
                del self.names[entry]
            else:
                self.names[entry] = number
        self.events.append(NamesChanged(entries, self._find(path.parent)))

    def _sync(self, number: int | None, change: Change) -> None:
        self.syncs.append(change)
        if len(self.syncs) - 1 != self._without:
            self.events.append(Synced(number, change))

    def _entry(self, path: Path) -> tuple[int, str]:
        return self._find(path.parent), path.name

    def _find(self, path: Path) -> int:
        number = ROOT
        for name in path.relative_to(self._root).parts:
            number = self.names[number, name]
        return number


def remove_folder(path: Path) -> None:
    """Remove a folder of a test, read-only or not."""
    if path.exists():
        HastyDisk().remove_tree(path)
    assert not path.exists()


def copy_folder(path: Path, target: Path) -> None:
    shutil.copytree(path, target, symlinks=True)
