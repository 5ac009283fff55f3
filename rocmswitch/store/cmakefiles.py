"""CMake's packages inside a tree, made to work wherever it lies and with every CMake that knows the language HIP.

Most find themselves by where they lie; some of Debian's say `/usr` instead. CMake 4 reads no file that
asks for a CMake older than 3.5 alone. A CMake before 3.27 looks for the package of the language HIP in `lib/cmake`,
and nowhere else; Debian has it in a folder of the machine's kind (Modules/CMakeDetermineHIPCompiler.cmake).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from pathlib import Path

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.madefile import MadeFile, make_file
from rocmswitch.store.relocate import Relocated
from rocmswitch.store.tools import rewritten
from rocmswitch.system.disk import Disk

PLACE_REASON = "absolute names and the oldest CMake in a package of CMake's replaced"
_FORWARD_REASON = "where CMake before 3.27 looks"
_SIZE_LIMIT = 1 << 20
_ASKED = re.compile(
    rb"(?i)(\bcmake_(?:minimum_required|policy)\s*\(\s*VERSION\s+%(old)b)(?:\.\.\.%(old)b)?(?=[\s)])"
    % {b"old": rb"(?:2(?:\.\d+)*|3(?:\.[0-4](?:\.\d+)*)?)"}
)
"""What says it, with a version before 3.5; of two, as in `2.8.12...3.4`, the second one counts."""
_UP_TO = b"3.10"
"""CMake 4 says of anything below that it is going to be refused."""
_LANGUAGE = "cmake/hip-lang/hip-lang-config.cmake"
_FORWARD = """\
if(NOT CMAKE_LIBRARY_ARCHITECTURE)
  set(CMAKE_LIBRARY_ARCHITECTURE "{folder}")
endif()
include("${{CMAKE_CURRENT_LIST_DIR}}/../../{folder}/{language}")
"""
"""CMake 3.25 does not know yet where other packages lie when it tries the compiler."""


def place_packages(tree: Path, relocated: Relocated, root: str, disk: Disk) -> Relocated:
    """Change the files of CMake's packages below *root* that name a place or a CMake that is not there any more.

    A changed file is a new one, renamed over the old, its hash before and after in its entry. Raises OSError.
    """
    entries = {one.path: one for one in relocated.entries}
    entries |= {path: _placed(tree, one, root, disk) for path, one in entries.items() if _is_package(one, root)}
    for path in tuple(entries):
        forward = _forward(path, root)
        if forward is not None and forward.path not in entries:
            entries |= {one.path: one for one in make_file(tree, forward, entries, disk)}
    return replace(relocated, entries=tuple(sorted(entries.values(), key=lambda one: one.path)))


def _is_package(entry: FileEntry, root: str) -> bool:
    inside = entry.path.startswith(f"{root}/") and "/cmake/" in entry.path
    return inside and entry.kind == "file" and entry.path.endswith(".cmake") and entry.size < _SIZE_LIMIT


def _placed(tree: Path, entry: FileEntry, root: str, disk: Disk) -> FileEntry:
    before = (tree / entry.path).read_bytes()
    above = posixpath.relpath(root, posixpath.dirname(entry.path))
    found = rb'get_filename_component(\1 "${CMAKE_CURRENT_LIST_DIR}/' + above.encode() + rb'" ABSOLUTE)'
    # What CMake writes of PACKAGE_PREFIX_DIR counts only where the tree really lies at its root.
    said = rb'\bset\((?!PACKAGE_PREFIX_DIR\b)(\w+) ("?)/' + re.escape(root.encode()) + rb"\2\)"
    after = re.sub(said, found, _ASKED.sub(rb"\1..." + _UP_TO, before))
    return entry if after == before else rewritten(tree, entry, after, PLACE_REASON, disk)


def _forward(path: str, root: str) -> MadeFile | None:
    """What leads from `lib/cmake` to the package of the language at *path*, if that is what lies there."""
    found = re.fullmatch(rf"{re.escape(root)}/lib/([^/]+)/{_LANGUAGE}", path)
    if found is None:
        return None
    return MadeFile(
        f"{root}/lib/{_LANGUAGE}", _FORWARD.format(folder=found[1], language=_LANGUAGE), _FORWARD_REASON
    )
