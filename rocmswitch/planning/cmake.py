"""What entering a tree tells CMake and other builders: which compiler is for HIP, and where packages lie."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import PurePath

from rocmswitch.model.activation import Assignment

TOLD = "rocmswitch"
"""Beside the `bin` of a clang that reads no settings by itself: compilers that run it with them
(store/compilers.py)."""
_FOUND_OUT = (
    "HIPCXX",
    "CMAKE_C_IMPLICIT_LINK_DIRECTORIES_EXCLUDE",
    "CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES_EXCLUDE",
)
_PATH, _HOME = "ROCM_PATH", "ROCM_HOME"
_LANGUAGES = ("C", "CXX")
_PACKAGE = "hip-config.cmake"


def builders_variables(
    root: str, paths: Collection[PurePath], stated: Collection[Assignment], linked: Collection[str]
) -> Iterator[Assignment]:
    """Variables for a tree with hipcc; *stated* are its manifest's. *linked* is what LIBRARY_PATH names.

    CMake's language HIP takes HIPCXX, and knows nothing of the names that Debian gives to clang. PyTorch's
    extensions look at ROCM_HOME before ROCM_PATH. CMake (3.27 and later) takes what LIBRARY_PATH names for folders
    that the loader knows, and would link programs that do not find their libraries.
    """
    compiler = _hip_compiler(root, paths)
    if compiler:
        yield Assignment("HIPCXX", compiler, under_root=True)
    if _HOME not in {one.name for one in stated}:
        yield from (replace(one, name=_HOME) for one in stated if one.name == _PATH)
    if linked:
        folders = ";".join(f"{{prefix}}/{one}" for one in linked)
        for language in _LANGUAGES:
            yield Assignment(f"CMAKE_{language}_IMPLICIT_LINK_DIRECTORIES_EXCLUDE", folders)


def was_found_out(one: Assignment, among: Collection[Assignment]) -> bool:
    """Whether *one* is made here: a ROCM_HOME that is no copy of ROCM_PATH is the manifest's."""
    return one.name in _FOUND_OUT or (one.name == _HOME and replace(one, name=_PATH) in among)


def package_folders(root: str, paths: Iterable[PurePath]) -> tuple[str, ...]:
    """What CMAKE_PREFIX_PATH names: it goes before what a project looks for in /opt/rocm."""
    return (root,) if any(path.name == _PACKAGE for path in paths) else ()


def _hip_compiler(root: str, paths: Iterable[PurePath]) -> str:
    """The clang++ of the ROCm tree, told what it needs where it has to be; empty where there is none."""
    found = [path for path in paths if path.name == "clang++" and path.parent.name in (TOLD, "bin")]
    inside = sorted((path for path in found if path.is_relative_to(root)), key=_last_resort)
    return str(inside[0]) if inside else ""


def _last_resort(path: PurePath) -> tuple[bool, str]:
    return path.parent.name != TOLD, str(path)
