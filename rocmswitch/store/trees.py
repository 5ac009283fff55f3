"""Trees: written once, read-only, published by one symlink.

`LINKS/NAME` is a relative symlink to `.trees/NAME-<12 hex>`, replaced by rename: the one commit point. A tree
has its receipt last, after everything else has reached the disk, and loses it first: what has no receipt is
no tree, and the next change of that name removes it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from rocmswitch.errors import Busy, Failed, NotFound, Refused, UsageMistake, VerificationFailed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import Receipt
from rocmswitch.store.receipts import (
    FOLDER,
    TREES,
    encode_files,
    encode_receipt,
    files_path,
    read_receipt,
    receipt_path,
    stack_of,
    unnamed_trees,
)
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.lock import held
from rocmswitch.system.running import Process, running_from

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_WRITE_BITS = 0o222
_OWN_MODE = 0o444


class Trees:
    """The trees below one folder of links: the prefixes of a scope, or its environments.

    Changes are made under the lock of the name that they concern (`locked`). *kept* tells the trees that can be
    brought back, which no sweep takes; None where it cannot tell, and then no whole tree goes. It is asked under
    the lock, so that nothing is missed.
    """

    def __init__(
        self, links: Path, locks: Path, disk: Disk, kept: Callable[[], Collection[str] | None] = frozenset
    ) -> None:
        self._links = links
        self._locks = locks / links.name
        self._disk = disk
        self._kept = kept
        self._held: set[str] = set()

    def names(self) -> tuple[str, ...]:
        """Every published name, sorted."""
        if not self._links.is_dir():
            return ()
        links = (path for path in self._links.iterdir() if not path.name.startswith(".") and path.is_symlink())
        return tuple(sorted(path.name for path in links))

    def current(self, name: str) -> str:
        """The tree that *name* points to; empty where there is none. Raises Refused for what we did not make."""
        link = self._links / _checked(name)
        try:
            target = PurePosixPath(link.readlink())
        except FileNotFoundError:
            return ""
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise Refused(f"`{link}` is in the way: rocmswitch did not make it") from error
        if target.parent != PurePosixPath(TREES) or stack_of(target.name) != name:
            raise Refused(f"`{link}` is in the way: it points to `{target}`, which is no tree of `{name}`")
        return target.name

    def path(self, tree_name: str) -> Path:
        """The folder of a tree, there or not."""
        return self._links / TREES / _checked(tree_name)

    def link(self, name: str) -> Path:
        """The published name, which outlives every tree behind it."""
        return self._links / _checked(name)

    def receipt(self, name: str) -> Receipt:
        """The receipt of the published tree. Raises NotFound, VerificationFailed."""
        tree = self.current(name)
        if not tree:
            raise NotFound(f"`{name}` is not installed", hint="run `rocmswitch list`")
        return read_receipt(self.path(tree))

    def is_whole(self, tree_name: str) -> bool:
        """Whether the tree was published to its end, though perhaps another is current: `point` may name it."""
        return receipt_path(self.path(tree_name)).is_file()

    def is_kept(self, tree_name: str) -> bool:
        """Whether the tree is whole and there for what can be taken back."""
        kept = self._kept()
        return self.is_whole(tree_name) and (kept is None or tree_name in kept)

    @contextlib.contextmanager
    def locked(self, name: str, wait: float) -> Iterator[None]:
        """Nobody else changes *name* meanwhile. `wait` is seconds. Raises Busy."""
        with held(self._lock(_checked(name)), wait=wait, what=f"`{name}`"):
            self._held.add(name)
            try:
                yield
            finally:
                self._held.discard(name)

    def begin(self, tree_name: str) -> Path:
        """An empty folder to make the tree in; what a broken run left there goes.

        Raises Failed where the tree is there, whole: it needs only `point`.
        """
        tree = self.path(tree_name)
        self.current(_name_of(tree_name))
        if self.is_whole(tree_name):
            raise Failed(f"the tree `{tree}` is there already")
        with disk_errors(tree):
            self._disk.remove_tree(tree)
            self._disk.make_directories(tree, synced=False)
        return tree

    def publish(self, tree_name: str, name: str, receipt: Receipt, files: Iterable[FileEntry]) -> Receipt:
        """Make what lies in the tree's folder the one that *name* means, whatever happens meanwhile.

        As `complete`, then `point`. When this returns, a power cut changes nothing any more.
        """
        written = self.complete(tree_name, name, receipt, files)
        self.point(name, tree_name)
        return written

    def complete(self, tree_name: str, name: str, receipt: Receipt, files: Iterable[FileEntry]) -> Receipt:
        """Make what lies in the tree's folder a whole tree of *name*, though *name* means another one as yet.

        *files* is all that lies there; folders above them need not be named. Write permissions go, in the list
        too, but an environment keeps them: its owner installs more into it. Returns the receipt as it was
        written.
        """
        tree = self.path(tree_name)
        dropped = 0 if receipt.kind == "venv" else _WRITE_BITS
        entries = _settled(files, dropped)
        listing = encode_files(entries)
        written = replace(
            receipt,
            name=name,
            tree=tree_name,
            files_sha256=hashlib.sha256(listing).hexdigest(),
            size=sum(entry.size for entry in entries if entry.kind == "file"),
        )
        with disk_errors(tree):
            self._lay_down(tree, entries, listing, 0o755 & ~dropped)
            self._disk.replace_file(receipt_path(tree), encode_receipt(written), _OWN_MODE)
            self._disk.set_mode(tree / FOLDER, 0o555)
        return written

    def point(self, name: str, tree_name: str) -> None:
        """Let *name* mean the whole tree *tree_name*: the commit point."""
        if not self.is_whole(tree_name):
            raise NotFound(f"there is no tree `{self.path(tree_name)}`")
        self.current(name)
        with disk_errors(self._links):
            self._disk.replace_symlink(self._links / name, f"{TREES}/{tree_name}")

    def remove(self, name: str) -> tuple[str, ...]:
        """Unpublish *name*, then remove its trees for good, also those that could be brought back.

        Those that something runs from stay and are returned.
        """
        with disk_errors(self._links):
            if self.current(name):
                self._disk.remove(self._links / name)
                self._disk.sync_directory(self._links)
            trees = self._trees_of(name)
            busy = self.users(trees)
            for tree in trees:
                if not busy[tree]:
                    self._remove_tree(tree)
        return tuple(tree for tree in trees if busy[tree])

    def sweep(self, *, released: Collection[str] = ()) -> tuple[str, ...]:
        """Remove the trees that are broken, or superseded and used by nothing. Returns which.

        A superseded environment stays as long as its name is there, except those *released*. A name that another
        process works on is passed over, and one in whose place is what we did not make: whoever asks for that one
        is told.
        """
        swept: list[str] = []
        for name in sorted({stack_of(tree) for tree in self._all_trees()}):
            if not _NAME.fullmatch(name):
                continue
            with self._locked_or_passed_over(name) as ours:
                if ours and self._is_free_or_ours(name):
                    swept += self._sweep_name(name, released)
        return tuple(swept)

    def superseded(self) -> tuple[str, ...]:
        """The whole trees that no name means."""
        found = ((tree, stack_of(tree)) for tree in unnamed_trees(self._links))
        return tuple(tree for tree, name in found if _NAME.fullmatch(name) and self._is_free_or_ours(name))

    def users(self, tree_names: Iterable[str]) -> dict[str, tuple[Process, ...]]:
        """The programs that run from each of the trees, as far as this user may see them."""
        folder = (self._links / TREES).resolve()
        places = {tree: f"{folder / tree}/" for tree in tree_names}
        found = running_from(tuple(places.values()))
        return {tree: found[place] for tree, place in places.items()}

    def _lock(self, name: str) -> Path:
        return self._locks / f"{name}.lock"

    def _lay_down(self, tree: Path, entries: tuple[FileEntry, ...], listing: bytes, mode: int) -> None:
        """All but the receipt has reached the disk when this returns. *mode* is that of the tree's own folder."""
        self._disk.make_directory(tree / FOLDER)
        with self._disk.create(files_path(tree), _OWN_MODE) as file:
            file.write(listing)
        for entry in entries:
            path = tree / entry.path
            if entry.kind != "link" and path.lstat().st_mode & 0o7777 != entry.mode:
                self._disk.set_mode(path, entry.mode)
        self._disk.set_mode(tree, mode)
        self._disk.sync_filesystem(tree)

    def _remove_tree(self, tree_name: str) -> None:
        """The receipt goes first and for good: half a tree that has one would look whole."""
        tree = self.path(tree_name)
        if self.is_whole(tree_name):
            self._disk.set_mode(tree / FOLDER, 0o755)
            self._disk.remove(receipt_path(tree))
            self._disk.sync_directory(tree / FOLDER)
        self._disk.remove_tree(tree)

    def _sweep_name(self, name: str, released: Collection[str]) -> list[str]:
        current = self.current(name)
        others = [tree for tree in self._trees_of(name) if tree != current]
        kept = self._kept() if others else ()
        others = [
            tree
            for tree in others
            if not (self.is_whole(tree) if kept is None else tree in kept)
            and (tree in released or not (current and self._is_environment(tree)))
        ]
        busy = self.users(others)
        unused = [tree for tree in others if not busy[tree]]
        with disk_errors(self._links):
            self._disk.discard_remains(self._links / name)
            for tree in unused:
                self._remove_tree(tree)
        return unused

    def _is_environment(self, tree_name: str) -> bool:
        """Whether it is a whole environment: one whose place another has taken has what its owner put into it."""
        try:
            return self.is_whole(tree_name) and read_receipt(self.path(tree_name)).kind == "venv"
        except (VerificationFailed, Failed):
            return False

    def _is_free_or_ours(self, name: str) -> bool:
        try:
            self.current(name)
        except Refused:
            return False
        return True

    def _all_trees(self) -> tuple[str, ...]:
        folder = self._links / TREES
        return tuple(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else ()

    def _trees_of(self, name: str) -> tuple[str, ...]:
        return tuple(tree for tree in self._all_trees() if stack_of(tree) == name)

    @contextlib.contextmanager
    def _locked_or_passed_over(self, name: str) -> Iterator[bool]:
        """Whether the lock of *name* is ours: held by the caller already, or free and taken here."""
        if name in self._held:
            yield True
            return
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self.locked(name, wait=0))
                ours = True
            except Busy:
                ours = False
            yield ours


def _checked(name: str) -> str:
    """*name*, if it is the name of one file that is not hidden. Raises UsageMistake."""
    if not _NAME.fullmatch(name):
        raise UsageMistake(f"`{name}` cannot be the name of a tree: only letters, digits and `._+-`")
    return name


def _name_of(tree_name: str) -> str:
    name = stack_of(tree_name)
    if not name:
        raise UsageMistake(f"`{tree_name}` is no name of a tree: NAME-<12 hex>")
    return name


def _settled(files: Iterable[FileEntry], dropped: int) -> tuple[FileEntry, ...]:
    """The list as it will be true: sorted, without the permissions *dropped*, with the folders above each path."""
    entries = {one.path: replace(one, mode=one.mode & ~dropped) if one.mode & dropped else one for one in files}
    for path in tuple(entries):
        # Text: PurePath takes half a second longer for the 20,000 files of an environment with PyTorch.
        folder = path.rpartition("/")[0]
        while folder and folder not in entries:
            entries[folder] = FileEntry(folder, "directory", 0o755 & ~dropped)
            folder = folder.rpartition("/")[0]
    return tuple(entries[path] for path in sorted(entries))
