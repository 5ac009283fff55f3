"""A stack whose set `libraries` brings kernels for several cards: files of their own, databases, a fat library.

offer_kernels(site, line)
line.succeed("install", NAME, "--set", "libraries", "--gpu", "gfx1010", "--yes")
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.debs import Content, Deb, Library, Link, make_library
from tests.support.offloadbundles import bundle, code_object, packed, section, with_gpu_code

SETS = {"runtime": ["acme-tools"], "compiler": ["acme-cc"], "libraries": ["acme-blas"]}
BLAS = "usr/lib/rocblas/library"
LT = "usr/lib/hipblaslt/library"
DB = "usr/share/miopen/db"
SIZE = 20_000

KEPT = (
    *(f"{BLAS}/Kernels.so-000-gfx1010.hsaco", f"{BLAS}/Kernels.so-000-gfx10-1-generic.hsaco"),
    *(f"{BLAS}/Tensile_fallback_gfx1010.co", f"{BLAS}/Tensile_fallback.dat", f"{BLAS}/TensileManifest.txt"),
    *(f"{BLAS}/TensileLibrary_lazy_gfx1010.dat", f"{BLAS}/wrong_gfx90a.hsaco", f"{BLAS}/garbled_gfx90a.co"),
    *(f"{DB}/gfx908_metadata.tn.model", "usr/lib/libblas.so.1"),
)
"""What gfx1010 needs, and what nobody can tell."""
OTHERS = (
    *(f"{BLAS}/Kernels.so-000-gfx1030.hsaco", f"{BLAS}/Kernels.so-000-gfx90a-xnack+.hsaco"),
    *(f"{BLAS}/Tensile_fallback_gfx1030.co", f"{BLAS}/TensileLibrary_lazy_gfx1030.dat"),
    *(f"{LT}/extop_gfx90a.co", f"{DB}/gfx90878.db", f"{DB}/gfx1030_36.HIP.fdb.txt"),
)
"""What it does not."""


def offer_kernels(site: AcmeSite, line: CommandLine, **rocm: Any) -> None:
    """Let the stack have them, and *line* its manifest."""
    site.repository.add(Deb("acme-blas", "1.0-1", depends="acme-core", files=_files()))
    site.publish()
    site.let(line, rocm={"sets": SETS, **rocm})


def install_kernels(site: AcmeSite, line: CommandLine, *more: str) -> Path:
    """The prefix, with all its sets but the compiler."""
    offer_kernels(site, line)
    line.succeed("install", NAME, "--set", "libraries", "--yes", *more)
    return line.layout.prefixes / NAME


def fat_library() -> bytes:
    """With code for two cards inside, that needs another library of the stack."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "libblas.so.1"
        make_library(Library("libblas.so.1", needs=("libacme.so.1",)), made)
        code = section(bundle("gfx1010", "gfx90a", size=8192), packed(bundle("gfx1010", size=4096)))
        return with_gpu_code(made.read_bytes(), code)


def _files() -> dict[str, Content]:
    return {
        f"{BLAS}/Kernels.so-000-gfx1010.hsaco": _code("gfx1010"),
        f"{BLAS}/Kernels.so-000-gfx10-1-generic.hsaco": _code("gfx10-1-generic"),
        f"{BLAS}/Kernels.so-000-gfx1030.hsaco": _code("gfx1030"),
        f"{BLAS}/Kernels.so-000-gfx90a-xnack+.hsaco": _code("gfx90a:xnack+"),
        f"{BLAS}/wrong_gfx90a.hsaco": _code("gfx1010"),
        f"{BLAS}/garbled_gfx90a.co": "no code at all",
        f"{BLAS}/Tensile_fallback_gfx1010.co": packed(bundle("gfx1010", size=SIZE)),
        f"{BLAS}/Tensile_fallback_gfx1030.co": packed(bundle("gfx1030", size=SIZE)),
        f"{BLAS}/Tensile_fallback.dat": "solutions",
        f"{BLAS}/TensileManifest.txt": "names",
        f"{BLAS}/TensileLibrary_lazy_gfx1010.dat": "names for gfx1010",
        f"{BLAS}/TensileLibrary_lazy_gfx1030.dat": "names for gfx1030",
        f"{LT}/extop_gfx90a.co": bundle("gfx90a", size=SIZE),
        f"{DB}/gfx90878.db": b"SQLite format 3\0".ljust(SIZE, b"\1"),
        f"{DB}/gfx1030_36.HIP.fdb.txt": "1=2\n",
        f"{DB}/gfx908_metadata.tn.model": "{}",
        "usr/lib/libblas.so.1": fat_library(),
        "usr/lib/libblas.so": Link("libblas.so.1"),
    }


def _code(target: str) -> bytes:
    return code_object(target).ljust(SIZE, b"\x7f")
