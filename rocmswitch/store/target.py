"""One package on its way into a tree that nobody uses yet: each member hashed while it is written.

A path is created where nothing was, never opened again, and every folder above it was made or looked at by us: no
symlink is ever written through.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.package import Digest
from rocmswitch.store import members
from rocmswitch.store.compression import Unfit
from rocmswitch.store.members import Limits, Member, Tar
from rocmswitch.store.receipts import FOLDER
from rocmswitch.system.disk import Disk

BASE = "base"
"""The folder of a tree for packages that the host lacks."""

MADE_RELATIVE = "absolute symlink made relative"

HEAD = 256 * 1024
"""Bytes of a file that are looked at before it is decided whether it is wanted: a block of zstd, in which a packed
bundle of GPU code has its table, may take half of that."""
MOST_LINKS = 40
"""Links that one path may lead over, as the kernel has it (path_resolution(7))."""

_Buffer = bytes | memoryview

_TREE_FOLDERS = frozenset({"bin", "include", "lib", "lib64", "libexec", "opt", "share", "usr"})
"""What a tree is made of: a folder of such a name is never one around it."""


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
    root: str = ""
    """Where in the tree a flat archive goes, one without folders for a place in a system: `opt/rocm-10.1.0`."""
    wanted: Callable[[Member, bytes], bool] | None = None
    """Asked of each regular file, with the first HEAD bytes of it, and of each link without any: what is not wanted
    is not written and has no entry, but a file that a wanted link leads to is kept. None wants all."""

    @property
    def folder(self) -> str:
        """Where it goes, relative to the tree."""
        return BASE if self.place == BASE else ""


def leads_to(link: FileEntry) -> str:
    """Where in its tree a relative one leads, without `..`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.target))


def way(path: str, links: Mapping[str, str]) -> Iterator[str]:
    """The paths that *path* leads to, over one link after the other, also by links that folders above are.

    *links* are by path where each leads, without `..`.
    """
    for _ in range(MOST_LINKS):
        link = next((one for one in (*_above(path), path) if one in links), "")
        if not link:
            return
        path = posixpath.normpath(posixpath.join(links[link], path[len(link) + 1 :]))
        yield path


def _above(path: str) -> Iterator[str]:
    for at, character in enumerate(path):
        if character == "/" and at:
            yield path[:at]


class Stopped(Exception):
    """Another package failed, or the user interrupted: this one is given up."""


class Target:
    """Where one package goes. A *flat* one goes to the root of its work, others to the tree or its base folder."""

    def __init__(
        self,
        work: Unpacking,
        disk: Disk,
        stopped: Callable[[], bool],
        *,
        flat: bool = False,
        needed: Collection[str] = (),
    ) -> None:
        """*needed* are members that are written whether or not they are wanted."""
        self._work = work
        self._disk = disk
        self._stopped = stopped
        self._folder = work.root if flat else work.folder
        self._root = work.tree / self._folder
        self._explicit: set[str] = set()
        self._needed = needed
        self._unwanted: dict[str, int] = {}
        """By path below the place, the bytes of what is not written."""
        self._links: dict[str, str] = {}
        """By path below the place, where a wanted link leads to there."""
        self._entries: dict[str, FileEntry] = {}
        """By path below the place, in the order of the archive."""
        self.notes: tuple[str, ...] = ()
        """What a person may want to know of it."""
        self._above = tuple(self._made_above())

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        """One for each path that there is now."""
        return (*self._above, *self._entries.values())

    @property
    def left_out(self) -> tuple[tuple[str, int], ...]:
        """The files and links that were not wanted, as paths in the tree, each with its bytes."""
        return tuple((self._within(path), size) for path, size in self._unwanted.items())

    def missed(self) -> frozenset[str]:
        """Members that were left out although a wanted link leads to them."""
        found = (one for path in self._links for one in way(path, self._links))
        return frozenset(one for one in found if one in self._unwanted)

    def put(self, member: Member, tar: Tar) -> None:
        """Make one member's path. Raises Unfit."""
        if self._stopped():
            raise Stopped
        if member.path in self._explicit or (member.path in self._entries and member.kind != members.DIRECTORY):
            raise Unfit(f"has `{member.path}` twice")
        if not self._folder and member.path.split("/")[0] == FOLDER:
            raise Unfit(f"has a member, `{member.path}`, in the place of rocmswitch's own files")
        self._explicit.add(member.path)
        if member.kind == members.DIRECTORY:
            self._make_folders(member.path)
        elif member.kind == members.FILE:
            self._put_file(member, tar)
        elif self._takes(member):
            self._make_folders(posixpath.dirname(member.path))
            made = self._symlink(member) if member.kind == members.LINK else self._hard_link(member)
            self._entries[member.path] = made

    def _takes(self, link: Member) -> bool:
        """Whether a link is made. A hard one to what was left out is not: there is no content for it as yet."""
        if self._work.wanted is None:
            return True
        if link.path not in self._needed and not self._work.wanted(link, b""):
            self._unwanted[link.path] = 0
            return False
        to = link.target.lstrip("/")
        if link.kind == members.LINK and to == link.target:
            to = posixpath.join(posixpath.dirname(link.path), link.target)
        self._links[link.path] = posixpath.normpath(to)
        return not (link.kind == members.HARD_LINK and link.target in self._unwanted)

    def unwrap(self) -> None:
        """Take away the one folder that holds the whole tree, if there is one: `rocm-10.1.0/bin` becomes `bin`."""
        top = self._wrapping()
        if not top:
            return
        aside = self._root / self._free_name(top)
        self._disk.rename(self._root / top, aside)
        for child in sorted(aside.iterdir()):
            self._disk.rename(child, self._root / child.name)
        self._disk.remove_tree(aside)
        inner = {path[len(top) + 1 :]: entry for path, entry in self._entries.items() if path != top}
        self._entries = {path: self._unwrapped(path, entry) for path, entry in inner.items()}
        self._unwanted = {path[len(top) + 1 :]: size for path, size in self._unwanted.items()}

    def _free_name(self, top: str) -> str:
        """A name that nothing in the folder *top* has: what is in there comes to lie beside it."""
        taken = {path.split("/")[1] for path in self._entries if path != top}
        return next(name for count in range(len(taken) + 1) if (name := f".unwrapped-{count}") not in taken)

    def _wrapping(self) -> str:
        """The name of the folder to be taken away: the only one, and none of those that a tree is made of."""
        tops = {path.partition("/")[0] for path in self._entries}
        only = tops.pop() if len(tops) == 1 else ""
        is_folder = only and self._entries[only].kind == members.DIRECTORY
        return only if is_folder and only not in _TREE_FOLDERS else ""

    def _unwrapped(self, path: str, entry: FileEntry) -> FileEntry:
        entry = replace(entry, path=posixpath.join(self._folder, path))
        if entry.original_target:
            relative = self._relative_target(entry.original_target, path)
            self._disk.remove(self._root / path)
            self._disk.symlink(self._root / path, relative)
            return replace(entry, target=relative)
        leads_to = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry.target))
        if entry.kind == members.LINK and not members.inside(leads_to):
            raise Unfit(f"has a symlink, `{path}`, that leads out of the tree")
        return entry

    def _made_above(self) -> Iterator[FileEntry]:
        """Entries for the place itself and the folders above it, down from the tree, which all exist afterwards."""
        parts = self._folder.split("/") if self._folder else []
        for count in range(1, len(parts) + 1):
            path = "/".join(parts[:count])
            self._make_folder(self._work.tree / path)
            yield FileEntry(path=path, kind=members.DIRECTORY, mode=0o755, package=self._work.package)

    def _make_folders(self, path: str) -> None:
        """*path* and all above it are real folders when this returns."""
        if path in ("", "."):
            return
        known = self._entries.get(path)
        if known is not None or path in self._unwanted:
            if known is None or known.kind != members.DIRECTORY:
                raise Unfit(f"has a member below `{path}`, which is a {known.kind if known else members.FILE}")
            return
        self._make_folders(posixpath.dirname(path))
        self._make_folder(self._root / path)
        self._entries[path] = self._entry(Member(path, members.DIRECTORY, 0o755, 0, 0))

    def _make_folder(self, path: Path) -> None:
        try:
            self._disk.make_directory(path)
        except FileExistsError:
            if not stat.S_ISDIR(path.lstat().st_mode):
                raise Unfit(f"has a folder, `{path.name}`, where another package has a file") from None

    def _put_file(self, member: Member, tar: Tar) -> None:
        pieces: Iterator[_Buffer] = tar.pieces(member.size)
        if self._work.wanted is not None:
            head = tar.exactly(min(HEAD, member.size))
            pieces = chain([head], tar.pieces(member.size - len(head)))
            if member.path not in self._needed and not self._work.wanted(member, head):
                # A link of any package may lead into the folder.
                self._make_folders(posixpath.dirname(member.path))
                self._unwanted[member.path] = member.size
                for _ in pieces:
                    self._check_stopped()
                return
        self._make_folders(posixpath.dirname(member.path))
        self._entries[member.path] = self._file(member, pieces)

    def _file(self, member: Member, pieces: Iterator[_Buffer]) -> FileEntry:
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(self._disk.create(self._root / member.path, member.mode))
            except FileExistsError:
                return self._entry(member, sha256=self._copy(member, pieces, None))
            sha256 = self._copy(member, pieces, file)
            file.flush()
            os.utime(file.fileno(), (member.mtime, member.mtime))
        return self._entry(member, sha256=sha256)

    def _copy(self, member: Member, pieces: Iterator[_Buffer], file: BinaryIO | None) -> str:
        """The content into *file*, if there is one, and its hash. Raises Unfit where the package states another."""
        digest = hashlib.sha256()
        algorithm, stated = member.stated
        other = hashlib.new(algorithm, usedforsecurity=False) if algorithm not in ("", "sha256") else None
        for piece in pieces:
            self._check_stopped()
            digest.update(piece)
            if other is not None:
                other.update(piece)
            if file is not None:
                file.write(piece)
        if stated and (other or digest).hexdigest() != stated:
            raise Unfit(f"has another content in `{member.path}` than it states itself")
        return digest.hexdigest()

    def _check_stopped(self) -> None:
        if self._stopped():
            raise Stopped

    def _symlink(self, member: Member) -> FileEntry:
        """An absolute target is meant from the root of the package's own tree, and becomes relative to it."""
        target = member.target
        if target.startswith("/"):
            target = self._relative_target(target, member.path)
        with contextlib.suppress(FileExistsError):
            self._disk.symlink(self._root / member.path, target)
        entry = replace(self._entry(member), target=target)
        if target == member.target:
            return entry
        return replace(entry, original_target=member.target, reason=MADE_RELATIVE)

    def _relative_target(self, absolute: str, path: str) -> str:
        inner = posixpath.normpath(absolute).lstrip("/") or "."
        return posixpath.relpath(inner, posixpath.dirname(path) or ".")

    def _hard_link(self, member: Member) -> FileEntry:
        source = self._entries.get(member.target)
        if source is None or source.kind != members.FILE:
            raise Unfit(f"has a hard link, `{member.path}`, to what is no earlier file of it (`{member.target}`)")
        with contextlib.suppress(FileExistsError):
            self._disk.link(self._root / member.target, self._root / member.path)
        return replace(source, path=self._within(member.path))

    def _within(self, path: str) -> str:
        """A path below the place as it is in the tree."""
        return posixpath.normpath(posixpath.join(self._folder, path))

    def _entry(self, member: Member, *, sha256: str = "") -> FileEntry:
        return FileEntry(
            path=self._within(member.path),
            kind=member.kind,
            mode=member.mode,
            size=member.size,
            sha256=sha256,
            package=self._work.package,
        )
