"""Environments with a small PyTorch that others made: of venv, of conda, for a user.

environment = foreign_venv(tmp_path / "theirs", Build("2.7.1+rocm6.2.4", "6.2.41134"))
put_code(environment, section(bundle("gfx1030")))
"""

from __future__ import annotations

import io
import sys
import venv
import zipfile
from pathlib import Path

from tests.support.elflibraries import linked
from tests.support.offloadbundles import with_gpu_code
from tests.support.pytorchwheels import Build, bundled, torch_wheel

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"


def foreign_venv(folder: Path, build: Build, *, tag: str = TAG) -> Path:
    """An environment as `python -m venv` makes it. *tag*: the Python that the wheel was built for."""
    venv.create(folder, symlinks=True, with_pip=False)
    return put_torch(folder, build, tag=tag)


def conda_folder(folder: Path, build: Build) -> Path:
    """An environment as conda makes it: a Python of its own, and what it is told by `conda-meta`."""
    for one in (folder / "conda-meta", folder / "bin", folder / f"lib/python{PYTHON}/site-packages"):
        one.mkdir(parents=True)
    (folder / f"conda-meta/python-{PYTHON}.9-h5ee71fb_0_cpython.json").write_text("{}")
    (folder / "bin/python").symlink_to(sys.executable)
    return put_torch(folder, build)


def put_torch(folder: Path, build: Build, *, tag: str = TAG) -> Path:
    """*folder*, with the wheel of *build* in its packages."""
    zipfile.ZipFile(io.BytesIO(torch_wheel(build, tag).content)).extractall(site_of(folder))
    return folder


def put_code(folder: Path, code: bytes, file: str = "libtorch_hip.so", section: str = ".hip_fatbin") -> Path:
    """Let a library of the environment in *folder* carry GPU *code*; its path."""
    path = site_of(folder) / "torch/lib" / file
    new = with_gpu_code(path.read_bytes(), code, section)
    path.unlink()
    path.write_bytes(new)
    return path


def put_library(folder: Path, file: str, build: Build) -> Path:
    """Let the environment in *folder* have the library *file* of another *build*."""
    path = site_of(folder) / "torch/lib" / file
    path.unlink(missing_ok=True)
    path.write_bytes(linked(next(one for one in bundled(build) if one.file == file)))
    return path


def site_of(folder: Path) -> Path:
    """Its folder of packages."""
    return next(folder.glob("lib/python*/site-packages"))


def kernel_files(folder: Path, *cards: str) -> Path:
    """Let the environment in *folder* have rocBLAS kernels for *cards* alone."""
    kernels = site_of(folder) / "torch/lib/rocblas/library"
    kernels.mkdir(parents=True, exist_ok=True)
    for one in kernels.iterdir():
        one.unlink()
    for card in cards:
        (kernels / f"TensileLibrary_lazy_{card}.dat").write_text("catalogue")
        (kernels / f"TensileLibrary_Type_SS_Contraction_fallback_{card}.hsaco").write_text("kernels")
    return kernels
