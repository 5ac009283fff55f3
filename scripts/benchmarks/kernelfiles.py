"""Which files of packages are for other GPUs alone, found without rocmswitch: by dpkg-deb, tarfile and
the bytes of bundles.

Formats: Clang Offload Bundler, "Bundled Binary File Layout" and "Compressed Offload Bundle"; LLVM, User Guide for
AMDGPU Backend, "AMDGPU ELF Header e_flags".
"""

from __future__ import annotations

import re
import struct
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

GPU = "gfx1010"
FITTING = frozenset({GPU, "gfx10-1-generic"})
FLAGS = {0x33: GPU, 0x52: "gfx10-1-generic"}
"""EF_AMDGPU_MACH of the targets whose code runs on GPU."""
HEAD = 1 << 18
KERNELS = re.compile(r".*\.(co|hsaco)")
CATALOGUES = re.compile(r".*/(rocblas|hipblaslt|hipsparselt)/.*\.(dat|bin)")
DATABASES = re.compile(r".*/miopen/db/gfx[^/]*\.(db|fdb)\.txt")
TARGET = re.compile(r"gfx[0-9]+-[0-9]+-generic|gfx[0-9]+-generic|gfx[0-9a-f]+")
ENTRY = re.compile(rb"hip[v4]*-amdgcn-amd-amdhsa-[a-z]*-?(gfx[0-9a-f]+(?:-[0-9]+)*(?:-generic)?)")


@dataclass(frozen=True)
class File:
    """One regular file of a package."""

    package: str
    path: str
    size: int
    is_foreign: bool
    """For another GPU alone."""
    is_for_several: bool
    """One bundle for several GPUs, none of them GPU, under a name that names none: a library asks for it on any."""


def files_of(archive: Path) -> Iterator[File]:
    """The regular files of a .deb, in its order."""
    package = archive.name.partition("_")[0]
    reading = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE)
    assert reading.stdout
    with tarfile.open(fileobj=reading.stdout, mode="r|") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is not None:
                path = member.name.removeprefix("./")
                head = content.read(HEAD)
                several = is_for_several(path, head)
                yield File(package, path, member.size, not several and is_foreign(path, head), several)
    reading.stdout.close()
    reading.wait()


def is_foreign(path: str, head: bytes) -> bool:
    """Whether a file that begins with *head* serves other GPUs alone. What does not tell is for all."""
    if KERNELS.fullmatch(path):
        inside = targets_inside(head)
        return bool(inside) and not inside & FITTING
    if CATALOGUES.fullmatch(path) or DATABASES.fullmatch(path):
        named = set(TARGET.findall(path.rpartition("/")[2]))
        return bool(named) and not any(one.startswith(tuple(FITTING)) for one in named)
    return False


def is_for_several(path: str, head: bytes) -> bool:
    inside = targets_inside(head) if KERNELS.fullmatch(path) else set()
    return len(inside) > 1 and not inside & FITTING and not TARGET.search(path)


def targets_inside(head: bytes) -> set[str]:
    """The targets of a code object or a bundle; those that do not fit are `other` where only numbers say it."""
    if head.startswith(b"\x7fELF"):
        (machine,) = struct.unpack_from("<H", head, 18)
        (flags,) = struct.unpack_from("<I", head, 48)
        return {FLAGS.get(flags & 0xFF, "other")} if machine == 224 else set()
    if head.startswith(b"CCOB"):
        version, method = struct.unpack_from("<HH", head, 4)
        start = {1: 20, 2: 24, 3: 32}[version]
        assert method == 1, "zstd"
        head = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(head[start:]).read(1 << 16)
    if not head.startswith(b"__CLANG_OFFLOAD_BUNDLE__"):
        return set()
    return {found.decode() for found in ENTRY.findall(head[: 1 << 16])}
