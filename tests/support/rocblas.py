"""Small stand-ins of rocBLAS: a library that tells its version as the real one does, and files of kernels.

write(folder / "librocblas.so", library("4.2.4.1a2b3c4d"))
put(folder / "rocblas/library", kernels("gfx1010"))
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

VERSION = "4.2.4.1a2b3c4d5e6f"
"""As AMD's releases say it: with the commit that it was built from."""

_SOURCE = """
#include <string.h>
static const char version[] = "{version}";
int rocblas_get_version_string(char *buffer, size_t length)
{{
    if (!buffer) return 3;
    if (length < sizeof version) return 4;
    memcpy(buffer, version, sizeof version);
    return 0;
}}
int rocblas_create_handle(void) {{ return 0; }}
"""
_PROBLEM = "TensileLibrary_Type_SS_Contraction_l_Ailk_Bjlk_Cijk_Dijk"


@cache
def library(version: str = VERSION, *options: str) -> bytes:
    """A librocblas.so.4 of that version, compiled with *options*. Skips the test where there is no gcc."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here: install gcc")
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "librocblas.so"
        command = ["gcc", "-O2", "-shared", "-fPIC", "-Wl,-soname,librocblas.so.4", *options, "-x", "c", "-"]
        source = _SOURCE.format(version=version)
        subprocess.run([*command, "-o", str(made)], input=source, text=True, check=True, capture_output=True)
        return made.read_bytes()


def kernels(gpu: str, *, version: str = VERSION, lazy: bool = True) -> dict[str, str]:
    """The files of one GPU by their names, as ROCm 6.2 has them; without *lazy*, as Debian 13."""
    code = {f"Kernels.so-000-{gpu}.hsaco": f"kernels of {version} for {gpu}"}
    if not lazy:
        return code
    return {
        **code,
        f"{_PROBLEM}_fallback_{gpu}.hsaco": f"fallback of {version} for {gpu}",
        f"TensileLibrary_lazy_{gpu}.dat": f"catalogue of {version} for {gpu}: {_PROBLEM}_fallback",
    }


def shared(version: str = VERSION, *, lazy: bool = True) -> dict[str, str]:
    """The files that belong to no GPU."""
    name = f"{_PROBLEM}_fallback.dat" if lazy else "TensileLibrary.dat"
    return {name: f"solutions of {version}"}


def put(folder: Path, files: dict[str, str]) -> None:
    """New files in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
