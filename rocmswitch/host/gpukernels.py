"""The rocBLAS that lies in a folder, with its files of kernels."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from rocmswitch.metadata.offloadbundle import parse_gpu_code
from rocmswitch.metadata.rocblas import rocblas_version
from rocmswitch.planning.gpukernels import KernelFile, Rocblas

_LIBRARY = re.compile(r"librocblas(-[0-9a-f]{8})?\.so(\.[0-9.]+)?")
_ROCM_FOLDERS = ("lib", "lib64", "lib/*-linux-gnu", "rocblas/lib")
"""Where a ROCm tree has its libraries: AMD's, Fedora's, Debian's, AMD's before 5.2."""
_PACKAGED_FOLDERS = ("torch/lib", "_rocm_sdk_libraries*/lib")
"""Where packages bring one along: PyTorch itself, or the ROCm that was built as wheels of its own."""
_KERNELS = ("library", "../rocblas/library", "rocblas/library", "rocblas/[0-9]*/library")
"""From the library: as it is built (library/src/tensile_host.cpp), and as Debian patches it."""
_DEBIAN = re.compile(r"/rocblas/(\d+\.\d+\.\d+)/library")
_FILE_LIMIT = 100_000


def rocblas_of_tree(root: Path, owner: str) -> Rocblas | None:
    """That of the ROCm tree at *root*; None where it has none. Raises OSError."""
    return _first((folder for one in _ROCM_FOLDERS for folder in sorted(root.glob(one))), owner)


def rocblas_of_packages(folders: Iterable[str], owner: str) -> Rocblas | None:
    """That which PyTorch brings along in one of the *folders* of packages; None where it brings none."""
    patterns = ((Path(one), pattern) for one in folders for pattern in _PACKAGED_FOLDERS)
    return _first((found for one, pattern in patterns for found in sorted(one.glob(pattern))), owner)


def code_of(library: Path) -> tuple[str, ...]:
    """The targets that *library* itself has code for; empty where it does not tell all of them. Raises OSError."""
    with library.open("rb") as file:
        found = parse_gpu_code(file)
    return found.targets if found.is_known else ()


def _first(folders: Iterable[Path], owner: str) -> Rocblas | None:
    for folder in folders:
        library = next(_libraries(folder), None)
        kernels = next((one for pattern in _KERNELS for one in _folders(folder, pattern)), None)
        if library and kernels:
            version = _version(library)
            named = _DEBIAN.search(str(kernels))
            told = version or (named[1] if named else "")
            by = "the library itself" if version else "the folder of its kernels"
            return Rocblas(owner, str(library), told, str(kernels), tuple(_files(kernels)), by)
    return None


def _libraries(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("librocblas*.so*")):
        if _LIBRARY.fullmatch(path.name) and path.is_file():
            yield path.resolve()


def _folders(folder: Path, pattern: str) -> Iterator[Path]:
    if pattern.startswith("../"):
        folder, pattern = folder.parent, pattern[3:]
    yield from (one for one in sorted(folder.glob(pattern)) if one.is_dir())


def _version(library: Path) -> str:
    with library.open("rb") as file:
        return rocblas_version(file)


def _files(folder: Path, below: str = "") -> Iterator[KernelFile]:
    """Regular files, also where links lead to them; folders as deep as one for each GPU."""
    with os.scandir(folder / below) as entries:
        found = sorted(entries, key=lambda one: one.name)
    for one in found[:_FILE_LIMIT]:
        if one.is_dir(follow_symlinks=False) and not below:
            yield from _files(folder, f"{one.name}/")
        elif stat.S_ISREG((status := _status(one)).st_mode):
            yield KernelFile(f"{below}{one.name}", status.st_size)


def _status(one: os.DirEntry[str]) -> os.stat_result:
    """Of what a link leads to; of one that leads nowhere, its own."""
    try:
        return one.stat()
    except OSError:
        return one.stat(follow_symlinks=False)
