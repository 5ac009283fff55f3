"""What a new tree shares with the one it replaces: hard links instead of unpacking again.

Whatever is linked was hashed before, and no file that has a second name is ever written to: relocation gives such a
one a new file (store/relocate.py), so the tree that is replaced stays as it was published.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from rocmswitch.errors import RocmswitchError, VerificationFailed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import InstalledPackage, LeftOut, Receipt
from rocmswitch.planning.gpufiles import Kernels, left_out, named, summed
from rocmswitch.store.receipts import read_files, read_receipt
from rocmswitch.store.sharing import take_over
from rocmswitch.store.target import BASE, HEAD, MADE_RELATIVE, leads_to, way
from rocmswitch.store.verify import hash_files
from rocmswitch.system.disk import Disk
from rocmswitch.system.reading import open_regular

Key = tuple[str, str, str]
"""Name, SHA-256 and place of a package: the same archive unpacked into the same folder."""

_UNPACKED = {"directory": 0o755, "link": 0o777}
"""The modes before publishing took the write permission away: another package may bring the same path. Files
never had it.
"""


@dataclass(frozen=True)
class Wanted:
    """What the new tree is to have: packages, the ROCm tree inside, and the cards that it is for."""

    packages: frozenset[Key]
    root: str = ""
    kernels: Kernels = Kernels()


@dataclass(frozen=True)
class Reused:
    """What the new tree has got. A package that is in `whole` needs no archive."""

    whole: Mapping[Key, tuple[FileEntry, ...]] = field(default_factory=dict)
    parts: Mapping[str, FileEntry] = field(default_factory=dict)
    """By path, files of packages that have to be gone through again: nobody writes them."""
    left_out: tuple[LeftOut, ...] = ()
    """Of the whole packages."""

    def agreed(self, entries: Iterable[FileEntry]) -> tuple[FileEntry, ...]:
        """*entries* of a package that was unpacked over this, those of what was there already as that is.

        Raises VerificationFailed where the archive has something else in such a place.
        """
        return tuple(_agreed(one, self._files.get(one.path)) for one in entries)

    @cached_property
    def _files(self) -> dict[str, FileEntry]:
        whole = (one for batch in self.whole.values() for one in batch if one.kind == "file")
        return {one.path: one for one in (*whole, *self.parts.values())}


def key(package: InstalledPackage) -> Key:
    return package.name, package.sha256, package.place


def reusable(receipt: Receipt, files: Iterable[FileEntry], wanted: Wanted) -> dict[Key, tuple[FileEntry, ...]]:
    """The packages of a tree that one like *wanted* may take over without their archives, with all their entries.

    Only where no package goes, for a path that two packages hold is listed under one of them. Where one is added,
    only packages none of whose files relocation has changed, nor a link into one to the host: what must be done
    depends on all that lies in a tree.
    """
    old = _Old.of(receipt, files, wanted)
    return {one: old.entries[one[0]] for one in old.unchanged if old.may_be_whole(one[0])}


def reuse(old: Path, new: Path, wanted: Wanted, disk: Disk) -> Reused:
    """Give the tree in the making *new* what of *old* it is to have as well.

    A damaged file is left out, and so is everything of a tree whose receipt cannot be read. Raises OSError.
    """
    try:
        known = _Old.of(read_receipt(old), read_files(old), wanted)
    except RocmswitchError:
        return Reused()
    chosen = {one: known.chosen(one, _judge(old, wanted.kernels)) for one in known.unchanged}
    files = [entry for entries in chosen.values() for entry in entries if entry.kind == "file"]
    found = dict(hash_files(old, files))
    whole: dict[Key, tuple[FileEntry, ...]] = {}
    parts: dict[str, FileEntry] = {}
    for one, entries in chosen.items():
        sound = tuple(entry for entry in entries if entry.kind != "file" or found[entry.path] == entry.sha256)
        if len(sound) == len(entries) and known.may_be_whole(one[0]):
            whole[one] = tuple(_as_unpacked(entry) for entry in entries)
        else:
            parts |= {entry.path: entry for entry in sound if entry.kind == "file" and known.may_be_taken(entry)}
    for entry in sorted((one for batch in (*whole.values(), parts.values()) for one in batch), key=_by_path):
        take_over(old, new, entry, disk)
    return Reused(whole, parts, tuple(record for one in whole for record in known.left_out(one[0], chosen[one])))


@dataclass(frozen=True)
class _Old:
    """The tree that is replaced. `entries` are by package."""

    receipt: Receipt
    wanted: Wanted
    entries: Mapping[str, tuple[FileEntry, ...]]
    unchanged: tuple[Key, ...]

    @classmethod
    def of(cls, receipt: Receipt, files: Iterable[FileEntry], wanted: Wanted) -> _Old:
        entries: dict[str, list[FileEntry]] = {package.name: [] for package in receipt.packages}
        for entry in files:
            entries.setdefault(entry.package, []).append(entry)
        unchanged = tuple(one for one in map(key, receipt.packages) if one in wanted.packages)
        return cls(receipt, wanted, {name: tuple(batch) for name, batch in entries.items()}, unchanged)

    @property
    def is_same(self) -> bool:
        """The new tree has the very same packages, so that relocation comes to the same."""
        same_root = self.receipt.root == self.wanted.root
        return same_root and len(self.unchanged) == len(self.receipt.packages) == len(self.wanted.packages)

    def may_be_whole(self, package: str) -> bool:
        return (
            len(self.unchanged) == len(self.receipt.packages)
            and not self.lacks(package)
            and all(self.may_be_taken(entry) for entry in self.entries[package])
        )

    def may_be_taken(self, entry: FileEntry) -> bool:
        return self.is_same or not (entry.original_sha256 or entry.target.startswith("/"))

    def lacks(self, package: str) -> bool:
        """Whether the old tree has left out of *package* what the new one is to have."""
        return any(one.package == package and self.wanted.kernels.runs(one.gpu) for one in self.receipt.left_out)

    def chosen(self, package: Key, judge: Callable[[FileEntry], bool]) -> tuple[FileEntry, ...]:
        """What of *package* the new tree is to have, and what links of that lead to."""
        name, _, place = package
        entries = self.entries[name]
        if not self.wanted.kernels.gpus or place == BASE:
            return entries
        kept = {one.path for one in entries if judge(one)}
        links = {one.path: leads_to(one) for one in entries if one.kind == "link"}
        kept.update(one for path in kept & links.keys() for one in way(path, links))
        return tuple(one for one in entries if one.path in kept)

    def left_out(self, package: str, chosen: Collection[FileEntry]) -> tuple[LeftOut, ...]:
        """What the new tree has not of *package*: what the old one has not, and what is passed over now."""
        taken = {entry.path for entry in chosen}
        dropped = [(one.path, one.size) for one in self.entries[package] if one.path not in taken]
        before = (one for one in self.receipt.left_out if one.package == package)
        return summed((*before, *left_out(package, dropped)))


def _judge(old: Path, kernels: Kernels) -> Callable[[FileEntry], bool]:
    """Tells whether an entry of *old* is needed, as it would be told of the archive's member."""

    def judge(entry: FileEntry) -> bool:
        if entry.kind == "directory" or kernels.needs(named(entry.path)):
            return True
        if entry.kind != "file":
            return False
        try:
            with open_regular(old / entry.path) as file:
                return kernels.wants(entry.path, entry.size, file.read(HEAD))
        except OSError:
            return True  # it is damaged, which is found when it is hashed

    return judge


def _agreed(unpacked: FileEntry, there: FileEntry | None) -> FileEntry:
    if there is None or unpacked.kind != "file":
        return unpacked
    if (there.original_sha256 or there.sha256, there.mode) != (unpacked.sha256, unpacked.mode):
        raise VerificationFailed(f"`{unpacked.path}` of `{unpacked.package}` is not the one that was installed")
    return replace(there, package=unpacked.package)


def _as_unpacked(entry: FileEntry) -> FileEntry:
    """As it was before publishing, and without what leads to the machine: that is found anew."""
    entry = replace(entry, mode=_UNPACKED.get(entry.kind, entry.mode))
    if not entry.target.startswith("/"):
        return entry
    original = entry.original_target
    if not original.startswith("/"):
        return replace(entry, target=original, original_target="", reason="")
    target = posixpath.relpath(
        posixpath.normpath(original).lstrip("/") or ".", posixpath.dirname(entry.path) or "."
    )
    return replace(entry, target=target, reason=MADE_RELATIVE)


def _by_path(entry: FileEntry) -> str:
    return entry.path
