"""Libraries that ask for an executable stack, made to ask no more.

Since glibc 2.41 the loader refuses them where the stack is not executable yet (its NEWS, "dlopen and dlmopen no
longer make the stack executable"), and torch for ROCm 5.2 brings such a libamdhip64. The flag comes from an
assembler file that does not say that it needs none; nothing there runs code on the stack. It is taken away on
every machine, not only where the loader refuses: homes are shared between machines, machines are upgraded, and
the same wheels shall make the same files. The receipt keeps the hash of what the wheel carried.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from rocmswitch.metadata.elf import MAGIC, nonsense_ends
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.elfpatch import Edit, copy_edited, stack_edit
from rocmswitch.store.relocate import STACK_REASON
from rocmswitch.system.disk import Disk


def clear_stack_flags(folder: Path, entries: Iterable[FileEntry], disk: Disk) -> tuple[FileEntry, ...]:
    """Let no library of the environment in *folder* ask for an executable stack.

    *entries* list the environment; they come back with the hashes of what was changed. A changed file is a new one,
    renamed over the old, which may be a link into a cache. Raises OSError.
    """
    return tuple(_cleared(folder, entry, disk) if _may_be_library(entry) else entry for entry in entries)


def _may_be_library(entry: FileEntry) -> bool:
    """By its name: opening the ten thousand other files of an environment would take longer than making it."""
    name = entry.path.rpartition("/")[2]
    return entry.kind == "file" and (name.endswith(".so") or ".so." in name)


def _cleared(folder: Path, entry: FileEntry, disk: Disk) -> FileEntry:
    path = folder / entry.path
    edit = _wanted_edit(path)
    if edit is None:
        return entry
    new = path.with_name(f".{path.name}.bound")
    disk.discard(new)
    with path.open("rb") as source, disk.create(new, entry.mode) as target:
        digest = copy_edited(source, target, (edit,))
    disk.rename(new, path)
    reason = f"{entry.reason}; {STACK_REASON}" if entry.reason else STACK_REASON
    return replace(entry, sha256=digest, original_sha256=entry.original_sha256 or entry.sha256, reason=reason)


def _wanted_edit(path: Path) -> Edit | None:
    """What clears the flag; None for what has none, and for what no loader takes anyway."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) == MAGIC:
            with nonsense_ends():
                return stack_edit(file)
    return None
