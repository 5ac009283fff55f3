"""ROCm as wheels: the tree in site-packages, the kernels of each card, and `rocm`, which is built where it goes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping

from tests.support.elflibraries import linked
from tests.support.pytorchwheels import Build, FakeWheel, abi, make, rocm_libraries

CARDS = ("gfx1010", "gfx1012", "gfx1030", "gfx1100", "gfx1201")
"""What the index has kernels for."""


def rocm_wheels(build: Build) -> Iterator[FakeWheel]:
    """The ROCm that *build* needs."""
    hsa, hip, blas, dnn = rocm_libraries(build.hip)
    core, libraries = "_rocm_sdk_core", "_rocm_sdk_libraries"
    tag = "py3-none-linux_x86_64"
    files: dict[str, str | bytes] = {
        f"{core}/__init__.py": "",
        f"{core}/.info/version": f"{build.rocm}\n",
        f"{core}/bin/rocminfo": "#!/bin/sh\necho 'ROCk module is loaded'\n",
        f"{core}/bin/hipcc": f"#!/bin/sh\necho 'HIP version: {build.hip}'\n",
        **{f"{core}/lib/{one.file}": linked(one) for one in (hsa, hip)},
    }
    yield make("rocm-sdk-core", build.rocm, files=files, tag=tag)
    files = {f"{libraries}/__init__.py": "", **{f"{libraries}/lib/{one.file}": linked(one) for one in (blas, dnn)}}
    yield make("rocm-sdk-libraries", build.rocm, files=files, tag=tag)
    for card in build.targets:
        kernels = {f"{libraries}/lib/rocblas/library/TensileLibrary_lazy_{card}.dat": f"kernels for {card}\n"}
        yield make(f"rocm-sdk-device-{card}", build.rocm, files=kernels, tag=tag)


def device_wheels(build: Build, torchvision: str, python: str, families: Mapping[str, str]) -> Iterator[FakeWheel]:
    """The kernels of torch and torchvision for each card, and those that cards of *families* share."""
    tag = f"{abi(python)}-linux_x86_64"
    for family in sorted({families[card] for card in build.targets if card in families}):
        yield make(family, build.torch, files={f"torch/lib/{family}.kpack": "shared kernels\n"}, tag=tag)
    for card in build.targets:
        for project, version in (("torch", build.torch), ("torchvision", torchvision)):
            yield make(
                f"amd-{project}-device-{card}",
                version,
                files={f"{project}/lib/kernels-{card}.kpack": f"kernels for {card}\n"},
                tag=tag,
                requires=[
                    f"rocm-sdk-device-{card} (=={build.rocm})",
                    *([f"{families[card]} (=={build.torch})"] if card in families and project == "torch" else []),
                ],
            )


def rocm_source(build: Build) -> tuple[str, bytes]:
    """`rocm` as AMD publishes it: an archive of source, whose requirements its setup.py decides.

    The layout is that of ROCm/TheRock, build_tools/packaging/python/templates/rocm.
    """
    name = f"rocm-{build.rocm}"
    files = {
        "PKG-INFO": f"Metadata-Version: 2.4\nName: rocm\nVersion: {build.rocm}\nRequires-Dist: rocm-sdk-core\n",
        "setup.py": "raise SystemExit('nobody should run this')\n",
        "src/rocm.egg-info/entry_points.txt": "[console_scripts]\nrocm-sdk = rocm_sdk.__main__:main\n",
        "src/rocm_sdk/__init__.py": _SDK.format(version=build.rocm),
        "src/rocm_sdk/__main__.py": _MAIN,
    }
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return f"{name}.tar.gz", made.getvalue()


def rocm_wheel(build: Build) -> FakeWheel:
    """The same, built."""
    extras = {f"device-{card}": f"rocm-sdk-device-{card}=={build.rocm}" for card in build.targets}
    return make(
        "rocm",
        build.rocm,
        files={"rocm_sdk/__init__.py": _SDK.format(version=build.rocm)},
        requires=[f"rocm-sdk-core (=={build.rocm})"],
        extras={"libraries": f"rocm-sdk-libraries=={build.rocm}", **extras},
    )


_MAIN = """from rocm_sdk import __version__


def main():
    print(__version__)
"""

_SDK = """import ctypes
import importlib.util
import pathlib

__version__ = "{version}"


def initialize_process():
    folder = pathlib.Path(importlib.util.find_spec("_rocm_sdk_core").origin).parent / "lib"
    for name in ("libhsa-runtime64.so.1", "libamdhip64.so.*"):
        for file in folder.glob(name):
            ctypes.CDLL(str(file), mode=ctypes.RTLD_GLOBAL)
"""
