"""What belongs to a ROCm: folders in LD_LIBRARY_PATH, libraries in LD_PRELOAD. The shell functions go by the same.

The loader takes what these variables name before what a stack's own programs and wheels bring along, so that two
copies of one library meet in a process (ROCm/TheRock#1011, pytorch/builder#1468).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rocmswitch.host.systemroot import within
from rocmswitch.model.activation import CLEANED, entries_of

_HERE = Path("/")
LIBRARIES = ("libamdhip64.so", "libhsa-runtime64.so", "librocblas.so", "libMIOpen.so")
"""Where one of these is, with a version behind it or without, a ROCm is."""
INSTALLED = ("/opt/rocm", "//opt/rocm")
"""How AMD's packages and most people call the folder: `/opt/rocm`, `/opt/rocm-6.2.4`, `/opt/rocm-patched`."""


def is_foreign(entry: str, root: Path = _HERE) -> bool:
    """Whether *entry* of one of the two variables is a ROCm's folder or library at *root*. Raises nothing.

    A library that only lies beside a ROCm's is not: jemalloc and Debian's own ROCm share /usr/lib/x86_64-linux-gnu.
    """
    if not entry:
        return False
    return (
        entry.startswith(INSTALLED) or _is_library(entry.rpartition("/")[2]) or _holds_library(_placed(entry, root))
    )


def foreign_entries(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Pairs of a variable and what in it belongs to a ROCm, in their order."""
    return tuple(
        (name, entry)
        for name in CLEANED
        for entry in entries_of(name, environment.get(name, ""))
        if is_foreign(entry)
    )


def without_foreign(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The same variables without what belongs to a ROCm; those of which nothing remains are left out."""
    found = []
    for name in dict.fromkeys(name for name, _ in foreign_entries(environment)):
        kept = ":".join(one for one in entries_of(name, environment[name]) if one and not is_foreign(one))
        found.extend([(name, kept)] if kept else [])
    return tuple(found)


def _placed(entry: str, root: Path) -> str:
    try:
        return entry if root == _HERE else str(root / within(root, entry))
    except OSError:  # links in a circle
        return entry


def _is_library(name: str) -> bool:
    return name.startswith(LIBRARIES)


def _holds_library(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(_is_library(entry.name) and os.path.exists(entry.path) for entry in entries)  # noqa: PTH110
    except OSError:  # no folder, or none that the loader could look into
        return False
