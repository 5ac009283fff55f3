"""A stack whose set `libraries` brings rocBLAS with kernels, and environments whose torch brings another."""

from __future__ import annotations

from pathlib import Path

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.debs import Deb
from tests.support.patched import foreign, write
from tests.support.rocblas import VERSION, kernels, library, put, shared

GPU = "gfx1010"
LIBRARY = "torch/lib/librocblas.so"
KERNELS = "torch/lib/rocblas/library"
"""Below site-packages."""

_SETS = {"runtime": ["acme-tools"], "libraries": ["acme-blas"]}


def offer_blas(site: AcmeSite, line: CommandLine, version: str = VERSION, *gpus: str) -> None:
    """Let acme-1.0 have rocBLAS of *version* with kernels of *gpus*, by default of gfx1010 and gfx1030."""
    files: dict[str, str] = shared(version)
    for gpu in gpus or (GPU, "gfx1030"):
        files |= kernels(gpu, version=version)
    content = {f"usr/lib/rocblas/library/{name}": text for name, text in files.items()}
    deb = Deb("acme-blas", version, files={"usr/lib/librocblas.so.4": library(version), **content})
    site.repository.add(deb)
    site.publish()
    site.let(line, rocm={"sets": _SETS})


def install_blas(site: AcmeSite, line: CommandLine, version: str = VERSION, *gpus: str) -> None:
    offer_blas(site, line, version, *gpus)
    line.succeed("install", NAME, "--set", "libraries", "--yes")


def environment(folder: Path, version: str = VERSION) -> Path:
    """A foreign environment whose torch brings rocBLAS with kernels of gfx1030. Gives its site-packages."""
    site = foreign(folder)
    write(site / LIBRARY, library(version))
    put(site / KERNELS, {**shared(version), **kernels("gfx1030", version=version)})
    return site
