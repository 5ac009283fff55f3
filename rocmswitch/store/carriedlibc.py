"""A tree that carries its own C library: what its programs start by, and what of it others may load.

The dynamic loader and the C library are one program in two files. So what starts by the tree's loader must find the
tree's C library before any other, and all that ROCm's libraries load besides.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.metadata.elf import ElfFacts
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.package import C_LIBRARIES
from rocmswitch.planning.activation import CARRIED_LIBRARIES, CarriedLoader
from rocmswitch.store.linkage import Linkage
from rocmswitch.store.unpack import BASE
from rocmswitch.system.disk import Disk

_MERGED = ("bin", "sbin", "lib", "lib64")


@dataclass(frozen=True)
class CarriedLibc:
    """The C library of a tree that has one of its own; without one, all is empty."""

    tree: Path
    loader: CarriedLoader = CarriedLoader()
    own: frozenset[str] = frozenset()
    """Its libraries and its loader, which find one another and stay as they are."""

    @classmethod
    def of(cls, tree: Path, entries: Iterable[FileEntry], linkage: Linkage) -> CarriedLibc:
        own = {one.path for one in entries if _is_of_c_library(one) and one.path in linkage.facts}
        asked = (posixpath.basename(facts.interpreter) for facts in linkage.facts.values() if facts.interpreter)
        places = (real for name in dict.fromkeys(asked) for real in linkage.places.get(name, {}).values())
        loader = next((one for one in places if one in own), "")
        if not loader:
            return cls(tree)
        folders = linkage.library_folders(f"{BASE}/usr", BASE, linkage.root)
        first = posixpath.dirname(loader)
        ordered = tuple(sorted(folders, key=lambda one: one != first))
        libraries = frozenset(one for one in own if linkage.facts[one].soname)
        return cls(tree, CarriedLoader(loader, ordered), libraries)

    def interpreter(self, facts: ElfFacts) -> str | None:
        """What a file ought to name as its loader; None where that is right, or it is no program."""
        wanted = str(self.tree / self.loader.loader)
        return wanted if self.loader.loader and facts.interpreter not in ("", wanted) else None


def with_merged_folders(tree: Path, entries: tuple[FileEntry, ...], disk: Disk) -> tuple[FileEntry, ...]:
    """*entries* with the links that merge a carried system's folders (`lib` is `usr/lib`): no package brings them,
    and absolute names of the loader, in linker scripts and of whoever takes the base as a root, lead through them.
    """
    if not any(_is_of_c_library(one) for one in entries):
        return entries
    known = {one.path for one in entries}
    wanted = [one for one in _MERGED if f"{BASE}/usr/{one}" in known and f"{BASE}/{one}" not in known]
    return (*entries, *(_link(tree, f"{BASE}/{one}", f"usr/{one}", disk) for one in wanted))


def is_for_others(entry: FileEntry) -> bool:
    """Whether `offer_libraries` has made it."""
    return entry.path == CARRIED_LIBRARIES or entry.path.startswith(f"{CARRIED_LIBRARIES}/")


def offer_libraries(carried: CarriedLibc, linkage: Linkage, disk: Disk) -> tuple[FileEntry, ...]:
    """Make the folder of what a program of the machine's has to take from the tree when it loads ROCm's libraries.

    A Python that starts by the tree's loader, say: the C library, and what ROCm's libraries need of the base. Not
    the base's folder itself: there is much in it that only other carried programs use, and the machine's Python has
    its own of that, with the machine's settings (where certificates lie is compiled into OpenSSL).
    """
    if not carried.loader.loader or (carried.tree / CARRIED_LIBRARIES).exists():
        return ()
    disk.make_directory(carried.tree / CARRIED_LIBRARIES)
    made = [FileEntry(CARRIED_LIBRARIES, "directory", 0o755)]
    for name, path in sorted(_names(carried, linkage)):
        target = posixpath.relpath(path, CARRIED_LIBRARIES)
        made.append(_link(carried.tree, f"{CARRIED_LIBRARIES}/{name}", target, disk))
    return tuple(made)


def _names(carried: CarriedLibc, linkage: Linkage) -> Iterator[tuple[str, str]]:
    """Each library's soname, and its path in the tree."""
    for path in carried.own | linkage.essential():
        soname = linkage.facts[path].soname
        if path.startswith(f"{BASE}/") and soname in linkage.places and "/" not in soname:
            yield soname, path


def _is_of_c_library(entry: FileEntry) -> bool:
    return entry.package in C_LIBRARIES and entry.path.startswith(f"{BASE}/")


def _link(tree: Path, path: str, target: str, disk: Disk) -> FileEntry:
    disk.symlink(tree / path, target)
    return FileEntry(path, "link", 0o777, target=target)
