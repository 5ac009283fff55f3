"""A tree made independent of the place it was built for, and the proof that all it needs is there.

DT_RPATH, not DT_RUNPATH: the loader looks at LD_LIBRARY_PATH before the one and after the other (ld.so(8)), and a
user's LD_LIBRARY_PATH must not bring another ROCm into ours. Only files that need a library of the tree are
changed: a few bytes in place where the file has one name, else a new file renamed over the old, for another tree
may share it.

Where a tree carries its own C library, its programs start by the loader that belongs to that (PT_INTERP), by the
name of the tree itself: by the name that outlives it, a program of an old tree would start with the loader of a
new one. The kernel takes no relative name, so such a tree cannot be moved. Its programs look in all the library
folders of the tree for what they open by name, before they look at anything of the machine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

from rocmswitch.errors import MachineLacks
from rocmswitch.metadata.elf import MAGIC, ElfFacts, parse_elf
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.planning.activation import CarriedLoader
from rocmswitch.store.cache import hash_of
from rocmswitch.store.carriedlibc import CarriedLibc, is_for_others, offer_libraries, with_merged_folders
from rocmswitch.store.elfgrow import appended_edits
from rocmswitch.store.elfpatch import Edit, copy_edited, interpreter_edits, search_path_edits, stack_edit
from rocmswitch.store.linkage import Gap, Linkage
from rocmswitch.store.patchelf import patchelf
from rocmswitch.system.disk import Disk

STACK_REASON = "executable stack no longer asked for"
_REFUSES_STACKS = (2, 41)
"""Since this glibc, dlopen refuses a library that asks for an executable stack (its NEWS)."""
_SHOWN_GAPS = 3
_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Libraries(Protocol):
    """The host's libraries."""

    def find(self, soname: str) -> Path | None:
        """The file the loader would take."""

    def defined_versions(self, soname: str) -> tuple[str, ...]:
        """The symbol versions in it."""


class NoLibraries:
    """A machine that has none that would fit."""

    def find(self, soname: str) -> Path | None:
        return None

    def defined_versions(self, soname: str) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Machine:
    """What relocation must know of this machine. `processor` is elf.h's name of it."""

    libraries: Libraries
    glibc: str
    processor: str = "EM_X86_64"
    jobs: int = 2
    """Files at a time; 0 does everything in the calling thread."""


@dataclass(frozen=True)
class Relocated:
    """All entries, changed ones with their hash before and after, and what is worth a line in the receipt."""

    entries: tuple[FileEntry, ...]
    notes: tuple[str, ...]
    carried: CarriedLoader = CarriedLoader()


def relocate(
    tree: Path,
    entries: Iterable[FileEntry],
    *,
    root: str,
    machine: Machine,
    disk: Disk,
    known: Mapping[str, ElfFacts | None] = MappingProxyType({}),
) -> Relocated:
    """Let the files below *tree* find one another wherever it lies. *root* is the ROCm tree inside.

    *known* is what `read_facts` has found already.

    Raises VerificationFailed where a symlink leads out of the tree, and MachineLacks where a library of the
    ROCm tree needs what neither the tree nor the host has; programs and plugins that do are noted.
    """
    entries = with_merged_folders(tree, tuple(entries), disk)
    found = {**known, **read_facts(tree, [one for one in entries if one.path not in known], machine)}
    facts = {one.path: fact for one in entries if (fact := found.get(one.path))}
    linkage = Linkage.of((one for one in entries if not is_for_others(one)), root, facts)
    dangling = linkage.paths.check_links()
    carried = CarriedLibc.of(tree, entries, linkage)
    notes = _prove(linkage, machine)
    wishes = {path: wish for path in facts if (wish := _wish(linkage, path, machine, carried))}
    changed = _change_all(tree, [one for one in entries if one.path in wishes], wishes, machine, disk)
    notes += tuple(leads_nowhere(path) for path in dangling)
    made = offer_libraries(carried, linkage, disk)
    kept = (changed.get(one.path, one) for one in entries)
    return Relocated((*kept, *made), notes, carried.loader)


def leads_nowhere(path: str) -> str:
    """The note on a link that was absolute and whose target no package brought."""
    return f"`{path}` leads to nothing in this tree"


@dataclass(frozen=True)
class _Wish:
    """What one file must become."""

    rpath: str | None
    clear_stack: bool
    interpreter: str | None = None

    @property
    def reason(self) -> str:
        parts = [] if self.interpreter is None else [f"loader {self.interpreter}"]
        parts += [] if self.rpath is None else [f"DT_RPATH {self.rpath}"]
        return "; ".join(parts + [STACK_REASON] * self.clear_stack)


def read_facts(tree: Path, entries: Iterable[FileEntry], machine: Machine) -> dict[str, ElfFacts | None]:
    """By path, the facts of each file; None where it is no ELF file for this processor."""

    def read(entry: FileEntry) -> ElfFacts | None:
        with (tree / entry.path).open("rb") as file:
            facts = parse_elf(file) if file.peek(len(MAGIC)).startswith(MAGIC) else None
        return facts if facts and facts.machine == machine.processor and facts.bits == 64 else None

    return {one.path: read(one) for one in entries if one.kind == "file" and one.size}


def _wish(linkage: Linkage, path: str, machine: Machine, carried: CarriedLibc) -> _Wish | None:
    if path in carried.own:
        return None
    facts = linkage.facts[path]
    rpath = linkage.search_path(path, carried.loader.libraries if facts.interpreter else ())
    interpreter = carried.interpreter(facts)
    # The carried one may be of any age, and nothing of ROCm's needs such a stack.
    refused = (
        carried.loader.loader
        or tuple(int(one) for one in machine.glibc.split(".")[:2] if one.isdigit()) >= _REFUSES_STACKS
    )
    clear_stack = bool(refused) and facts.executable_stack
    wish = _Wish(rpath, clear_stack, interpreter)
    return wish if wish.reason else None


def _change_all(
    tree: Path, entries: list[FileEntry], wishes: Mapping[str, _Wish], machine: Machine, disk: Disk
) -> dict[str, FileEntry]:
    """The changed entries by path, the biggest files first. patchelf needs memory, so it runs one at a time."""
    one_patchelf = threading.Lock()

    def change(entry: FileEntry) -> FileEntry:
        return _change(tree, entry, wishes[entry.path], disk, one_patchelf)

    entries = sorted(entries, key=lambda one: -one.size)
    return {one.path: one for one in _in_parallel(change, entries, machine.jobs)}


def _change(tree: Path, entry: FileEntry, wish: _Wish, disk: Disk, one_patchelf: threading.Lock) -> FileEntry:
    path = tree / entry.path
    new = path.with_name(f".relocated-{threading.get_ident()}")
    edits = _edits(path, wish)
    original = entry.original_sha256 or entry.sha256
    if edits is not None and entry.original_sha256 and _are_done(path, (*edits, *_stack(path, wish))):
        return replace(entry, reason=wish.reason)
    if edits is not None and path.stat().st_nlink == 1:
        sha256 = _edit(path, (*edits, *_stack(path, wish)), disk)
        return replace(entry, size=path.stat().st_size, sha256=sha256, original_sha256=original, reason=wish.reason)
    if edits is not None:
        sha256 = _write(path, new, entry.mode, (*edits, *_stack(path, wish)), disk)
    else:
        middle = path.with_name(f".patched-{threading.get_ident()}")
        with one_patchelf:
            patchelf(path, middle, wish.rpath, interpreter=wish.interpreter)
        sha256 = _write(middle, new, entry.mode, _stack(middle, wish), disk)
        disk.remove(middle)
    times = path.stat()
    os.utime(new, ns=(times.st_mtime_ns, times.st_mtime_ns))
    size = new.stat().st_size
    disk.rename(new, path)
    return replace(entry, size=size, sha256=sha256, original_sha256=original, reason=wish.reason)


def _edits(path: Path, wish: _Wish) -> tuple[Edit, ...] | None:
    """All but what is done of the stack; None where patchelf is needed."""
    with path.open("rb") as source:
        search = () if wish.rpath is None else search_path_edits(source, wish.rpath)
        start = () if wish.interpreter is None else interpreter_edits(source, wish.interpreter)
        if search is None or start is None:
            return appended_edits(source, wish.rpath, wish.interpreter)
    return (*search, *start)


def _are_done(path: Path, edits: Iterable[Edit]) -> bool:
    """Whether *path* is already what *edits* would make of it: another tree has had it before."""
    with path.open("rb") as file:
        for edit in edits:
            file.seek(edit.offset)
            if file.read(len(edit.content)) != edit.content:
                return False
    return True


def _stack(path: Path, wish: _Wish) -> tuple[Edit, ...]:
    if not wish.clear_stack:
        return ()
    with path.open("rb") as source:
        edit = stack_edit(source)
    return (edit,) if edit else ()


def _edit(path: Path, edits: tuple[Edit, ...], disk: Disk) -> str:
    """*path*, which was unpacked a moment ago and has one name, changed in place; its hash."""
    with disk.edit(path) as file:
        for edit in edits:
            file.seek(edit.offset)
            file.write(edit.content)
    return hash_of(path, "sha256")


def _write(path: Path, new: Path, mode: int, edits: tuple[Edit, ...], disk: Disk) -> str:
    """*path* with the edits as the new file *new*; its hash."""
    with path.open("rb") as source, disk.create(new, mode) as target:
        return copy_edited(source, target, edits)


def _in_parallel(function: Callable[[_In], _Out], items: list[_In], jobs: int) -> list[_Out]:
    """Threads: copying and hashing run without the interpreter's lock."""
    if not jobs:
        return [function(one) for one in items]
    with ThreadPoolExecutor(jobs, thread_name_prefix="relocate") as executor:
        return list(executor.map(function, items))


def _prove(linkage: Linkage, machine: Machine) -> tuple[str, ...]:
    """Notes on what programs and plugins lack. Raises MachineLacks for what the ROCm tree's libraries lack."""
    sonames = {one for facts in linkage.facts.values() for one in facts.needed}
    host = {
        one: frozenset(machine.libraries.defined_versions(one)) for one in sonames if machine.libraries.find(one)
    }
    gaps = [gap for path in sorted(linkage.facts) for gap in linkage.gaps(path, host)]
    essential = linkage.essential()
    lacking = [gap for gap in gaps if gap.path in essential]
    if lacking:
        raise MachineLacks(_said(lacking))
    return tuple(f"`{gap.path}` needs `{gap}`, which neither the tree nor this machine has" for gap in gaps)


def _said(gaps: list[Gap]) -> str:
    named = [f"`{gap}` for `{gap.path}`" for gap in gaps[:_SHOWN_GAPS]]
    more = f" and {len(gaps) - _SHOWN_GAPS} more" if len(gaps) > _SHOWN_GAPS else ""
    return f"neither the tree nor this machine has {', '.join(named)}{more}"
