"""A ROCm that somebody else installed, as `link` adopts it: looked at, never changed.

Its version stands in `.info/version` (`6.2.4-139`), or in the files beside that, which packages of single sets
carry; where there is none, in the name of HIP's library: `libamdhip64.so.6.2.60204` is 6.2.4.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.errors import NotFound
from rocmswitch.metadata.elf import parse_elf
from rocmswitch.model.fileentry import FileEntry

ROOT = "root"
"""What a published link calls the tree that it stands for."""
HIP = "libamdhip64.so"
LIBRARIES = (HIP, "librocblas.so", "libMIOpen.so")
"""Whose sonames say which ROCm it is; a tree may lack the last two."""

_LIBRARY_FOLDERS = ("lib", "lib64", "hip/lib")
"""Releases before 5.2 keep HIP's library in hip/lib, with links to it in lib."""
_TOOL_FOLDERS = ("bin", "hip/bin", "opencl/bin")
_FOR_BUILDERS = ("llvm/bin/clang++", "lib/cmake/hip/hip-config.cmake")
"""What CMake is told of (planning/cmake.py)."""
_VERSION = re.compile(rb"\s*([0-9]+(?:\.[0-9]+){1,3})(?![0-9.])")
_REAL_NAME = re.compile(r"libamdhip64\.so\.([0-9]+)\.([0-9]+)\.([0-9]+)")
_WRITABLE_BY_OTHERS = 0o022
_LONGEST = 64
"""Bytes of a version file that are read."""


@dataclass(frozen=True)
class LinkedTree:
    """`folder` has no symlink in it. `entries` are tools and linker names below `root`, as receipts list them."""

    folder: Path
    version: str
    sonames: tuple[str, ...]
    entries: tuple[FileEntry, ...]
    environment: tuple[tuple[str, str], ...]
    doubts: tuple[str, ...] = ()
    """What the user should know before agreeing."""


def read_linked(folder: Path) -> LinkedTree:
    """What *folder* holds. Raises NotFound where that is no ROCm, OSError where it cannot be read."""
    libraries = {name: _files_of(folder, name) for name in LIBRARIES}
    if not libraries[HIP]:
        where = ", ".join(f"`{one}`" for one in _LIBRARY_FOLDERS)
        raise NotFound(f"`{folder}` is no ROCm: there is no `{HIP}` in its {where}")
    sonames = tuple(dict.fromkeys(soname for found in libraries.values() for soname in _sonames(found)))
    stated = _stated_versions(folder)
    version = next(iter(stated), "") or _version_in(path.resolve().name for path in libraries[HIP])
    if not version:
        raise NotFound(f"`{folder}` does not tell which ROCm it is: neither `.info/version` nor `{HIP}` says so")
    doubts = (*_disagreements(version, stated, sonames), *_strangers(folder))
    return LinkedTree(folder, version, sonames, tuple(_entries(folder)), tuple(_environment(folder)), doubts)


def _files_of(folder: Path, library: str) -> tuple[Path, ...]:
    """The files of *library* in the tree, with any version in their names. A FIFO or a folder is none."""
    return tuple(
        path
        for below in _LIBRARY_FOLDERS
        for path in sorted((folder / below).glob(f"{library}*"))
        if re.fullmatch(r"[.0-9-]*", path.name.removeprefix(library)) and path.is_file()
    )


def _sonames(libraries: Iterable[Path]) -> Iterator[str]:
    for path in dict.fromkeys(path.resolve() for path in libraries):
        with path.open("rb") as file:
            facts = parse_elf(file)
        yield facts.soname if facts and facts.soname else path.name


def _stated_versions(folder: Path) -> tuple[str, ...]:
    """What the files in .info say, that of the whole release first, each version once."""
    files = (folder / ".info/version", *sorted((folder / ".info").glob("version-*")))
    found = (_VERSION.match(_beginning(path)) for path in files if path.is_file())
    return tuple(dict.fromkeys(one[1].decode("ascii") for one in found if one))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LONGEST)


def _version_in(names: Iterable[str]) -> str:
    """From HIP's real file name: its third number is the release, 60204 for 6.2.4, or a build that says nothing."""
    for name in names:
        found = _REAL_NAME.fullmatch(name)
        if found:
            major, minor, third = (int(number) for number in found.groups())
            patch = third - major * 10_000 - minor * 100
            return f"{major}.{minor}.{patch}" if 0 <= patch < 100 else f"{major}.{minor}"
    return ""


def _disagreements(version: str, stated: tuple[str, ...], sonames: tuple[str, ...]) -> Iterator[str]:
    """HIP's soname has carried the major version of the release since ROCm 4."""
    if len(stated) > 1:
        yield f"the files in .info disagree: {', '.join(stated)}"
    majors = {name.removeprefix(f"{HIP}.") for name in sonames if name.startswith(f"{HIP}.")}
    if len(majors) > 1 or majors - {version.partition(".")[0]}:
        yield f"it says that it is {version}, but holds {', '.join(one for one in sonames if one.startswith(HIP))}"


def _strangers(folder: Path) -> Iterator[str]:
    """Who can change what will be on the PATH, besides root and this user."""
    for path in (folder, *(folder / one for one in ("bin", "lib"))):
        try:
            found = path.stat()
        except OSError:  # there is no such folder
            continue
        if found.st_uid not in (0, os.getuid()) or found.st_mode & _WRITABLE_BY_OTHERS:
            yield f"other users can change `{path}`, whose programs will be on your PATH"
            return


def _entries(folder: Path) -> Iterator[FileEntry]:
    for below in (*_TOOL_FOLDERS, *_LIBRARY_FOLDERS):
        for path in sorted((folder / below).glob("*")):
            if below in _TOOL_FOLDERS or path.name.endswith(".so"):
                yield FileEntry(f"{ROOT}/{below}/{path.name}", "file", 0o755)
    for name in _FOR_BUILDERS:
        if (folder / name).is_file():
            yield FileEntry(f"{ROOT}/{name}", "file", 0o755)


def _environment(folder: Path) -> Iterator[tuple[str, str]]:
    """As the manifests of AMD's own releases have it, for what is there."""
    hipcc = folder / "bin/hipcc"
    old = (folder / "hip/bin/hipcc").is_file() and os.path.realpath(hipcc).startswith(f"{folder}/hip/")
    yield "HIP_PLATFORM", "amd"
    yield "HIP_PATH", f"{{prefix}}/{ROOT}/hip" if old else f"{{prefix}}/{ROOT}"
    yield "ROCM_PATH", f"{{prefix}}/{ROOT}"
    for name, below in (("HIP_CLANG_PATH", "llvm/bin"), ("HIP_DEVICE_LIB_PATH", "amdgcn/bitcode")):
        if (folder / below).is_dir():
            yield name, f"{{prefix}}/{ROOT}/{below}"
