"""An environment's modules bound to the libraries of one prefix.

Wheels that do not bundle ROCm open it by its bare name (`dlopen("libamdhip64.so")`), and the loader then looks
in the DT_RPATH of the module that asks before it looks at LD_LIBRARY_PATH (dlopen(3)). So that module gets one:
no variable has to be set, and none that a user has set brings another ROCm in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from rocmswitch.metadata.elf import parse_elf
from rocmswitch.metadata.elfsymbols import names_symbol
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.cache import hash_of
from rocmswitch.store.patchelf import patchelf
from rocmswitch.system.disk import Disk

_OPENS_LIBRARIES = "dlopen"
LARGEST = 16 * 1024 * 1024
"""Bytes: patchelf holds a file twice in memory, and what opens libraries for others is small."""


def bind(
    folder: Path, entries: Iterable[FileEntry], libraries: Sequence[Path], disk: Disk
) -> tuple[FileEntry, ...]:
    """Let every module that opens libraries find those in *libraries* first.

    *entries* list the environment in *folder*; they come back with the hashes of what was changed. A changed file
    is a new one, renamed over the old: the old may be a link into a cache. Raises OSError, MachineLacks, Failed.
    """
    rpath = ":".join(str(one) for one in libraries)
    return tuple(
        _bound(folder, entry, rpath, disk) if rpath and _opens_libraries(folder / entry.path) else entry
        for entry in entries
    )


def _bound(folder: Path, entry: FileEntry, rpath: str, disk: Disk) -> FileEntry:
    path = folder / entry.path
    new = path.with_name(f".{path.name}.bound")
    patchelf(path, new, rpath)
    disk.set_mode(new, entry.mode)
    disk.rename(new, path)
    return replace(
        entry,
        size=path.stat().st_size,
        sha256=hash_of(path, "sha256"),
        original_sha256=entry.sha256,
        reason=f"DT_RPATH {rpath}",
    )


def _opens_libraries(path: Path) -> bool:
    if path.suffix != ".so" or path.is_symlink() or path.stat().st_size > LARGEST:
        return False
    with path.open("rb") as file:
        facts = parse_elf(file)
        # A module with a search path of its own brings its libraries along (auditwheel): it is left alone.
        return bool(facts and not facts.rpath and not facts.runpath and names_symbol(file, _OPENS_LIBRARIES))
