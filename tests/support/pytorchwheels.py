"""What is inside a wheel of PyTorch, small: its libraries, its Python, and what its METADATA asks for.

wheel = torch_wheel(Build("2.7.1+rocm6.2.4", "6.2.41134"), "cp311")
(folder / wheel.filename).write_bytes(wheel.content)
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

from packaging.version import Version

from tests.support.elflibraries import Library, linked

TARGETS = ("gfx900", "gfx906", "gfx908", "gfx90a", "gfx1030")
"""GPUs whose kernels every build has."""


@dataclass(frozen=True)
class FakeWheel:
    """A wheel, and the METADATA in it (PEP 658)."""

    filename: str
    content: bytes
    metadata: bytes

    @property
    def project(self) -> str:
        return self.filename.split("-")[0].replace("_", "-")

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Build:
    """One build of torch. `loader` is how its libraries find one another; without `hip` it is one for the CPU."""

    torch: str
    hip: str = ""
    loader: Literal["rpath", "runpath"] = "rpath"
    triton: tuple[str, str] = ("", "")
    """Distribution and version of the triton that goes with it."""
    rocm: str = ""
    """Of a build without ROCm of its own: the version of the ROCm wheels that it needs."""
    targets: tuple[str, ...] = TARGETS

    @property
    def version(self) -> Version:
        """Without the local part."""
        return Version(Version(self.torch).public)


def torch_wheel(build: Build, python: str) -> FakeWheel:
    """torch itself, with a ROCm inside or the need of one beside it."""
    if not build.hip:
        libraries: tuple[Library, ...] = (Library("libtorch_cpu.so", "libtorch_cpu.so", "torch_cpu"),)
    elif build.rocm:
        libraries = (rocm_user("libtorch_hip.so", "torch_hip", build.hip),)
    else:
        libraries = bundled(build)
    files: dict[str, str | bytes] = {
        "torch/__init__.py": _INIT.format(library=libraries[-1].file, rocm=bool(build.rocm)),
        "torch/version.py": f"__version__ = {build.torch!r}\nhip = {build.hip or None!r}\ncuda = None\n",
        **{f"torch/lib/{one.file}": linked(one) for one in libraries},
    }
    if build.hip and not build.rocm:
        names = [f"torch/lib/rocblas/library/TensileLibrary_lazy_{target}.dat" for target in build.targets]
        files |= {name: f"kernels for {name}\n" for name in names}
    extras = {f"device-{one}": f"amd-torch-device-{one}=={build.torch}" for one in build.targets if build.rocm}
    return make(
        "torch",
        build.torch,
        files=files,
        tag=f"{abi(python)}-{platform(build)}",
        requires=requirements(build),
        extras=extras,
    )


def bundled(build: Build) -> tuple[Library, ...]:
    """The libraries in `torch/lib`, the last of which needs the others. Their files have no version in their names,
    as in the real wheels; their sonames have."""
    major = int(build.hip.split(".")[0])
    made = partial(Library, value=_number(build.hip), search=build.loader)
    hsa = made("libhsa-runtime64.so", "libhsa-runtime64.so.1", "hsa_init", version="ROCR_1")
    # AMD's HIP 5.2 was linked with assembly that does not say that it needs no executable stack.
    hip = made(
        *("libamdhip64.so", f"libamdhip64.so.{major}", "hipInit"),
        calls=(hsa,),
        version="hip_4.2",
        executable_stack=build.hip.startswith("5.2"),
    )
    blas_soname = {5: "librocblas.so.0", 6: "librocblas.so.4"}.get(major, "librocblas.so.5")
    blas = made("librocblas.so", blas_soname, "rocblas_create_handle", calls=(hip,))
    dnn = made("libMIOpen.so", "libMIOpen.so.1", "miopenCreate", calls=(hip, blas))
    torch = made("libtorch_hip.so", "libtorch_hip.so", "torch_hip", calls=(hip, blas, dnn))
    return (hsa, hip, blas, dnn, torch)


def rocm_user(file: str, function: str, hip: str) -> Library:
    """A library that finds its ROCm in the wheels beside its own: `site-packages/_rocm_sdk_*`."""
    runtime, amdhip, blas, dnn = rocm_libraries(hip)
    folders = ("$ORIGIN/../../_rocm_sdk_core/lib", "$ORIGIN/../../_rocm_sdk_libraries/lib", "$ORIGIN")
    return Library(file, file, function, calls=(runtime, amdhip, blas, dnn), folders=folders)


def rocm_libraries(hip: str) -> tuple[Library, Library, Library, Library]:
    """HSA, HIP, rocBLAS and MIOpen as ROCm wheels have them: in files that are called like their sonames."""
    name = f"libamdhip64.so.{hip.split('.')[0]}"
    made = partial(Library, value=_number(hip))
    core = ("$ORIGIN", "$ORIGIN/../../_rocm_sdk_core/lib")
    hsa = made("libhsa-runtime64.so.1", "libhsa-runtime64.so.1", "hsa_init", version="ROCR_1")
    amdhip = made(name, name, "hipInit", calls=(hsa,), version="hip_4.2")
    blas = made("librocblas.so.5", "librocblas.so.5", "rocblas_create_handle", calls=(amdhip,), folders=core)
    dnn = made("libMIOpen.so.1", "libMIOpen.so.1", "miopenCreate", calls=(amdhip, blas), folders=core)
    return hsa, amdhip, blas, dnn


def _number(hip: str) -> int:
    """`6.2.41134` as 602."""
    major, minor, *_ = hip.split(".")
    return int(major) * 100 + int(minor)


def requirements(build: Build) -> list[str]:
    """What the METADATA of the real wheel asks for."""
    version = build.version.release
    if version < (2, 0):
        return ["typing-extensions"]
    found = ["filelock", "typing-extensions" + (" (>=4.8.0)" if version >= (2, 1) else ""), "networkx", "jinja2"]
    found.append('sympy (==1.13.1) ; python_version >= "3.9"' if (2, 5) <= version < (2, 7) else "sympy")
    found += ["fsspec"] if version >= (2, 1) else []
    found += ['setuptools ; python_version >= "3.12"'] if version >= (2, 5) else []
    if build.rocm:
        found.append(f"rocm[libraries] (=={build.rocm})")
    if build.triton[0]:
        where = ' ; platform_system == "Linux" and platform_machine == "x86_64"'
        found.append(f"{build.triton[0]} (=={build.triton[1]}){'' if build.rocm else where}")
    return found


def companion(project: str, version: str, build: Build, python: str) -> FakeWheel:
    """torchvision, torchaudio or triton, as they go with *build*."""
    requires = [] if "triton" in project else [f"torch (=={build.torch})"]
    requires += ["numpy", "pillow (!=8.3.*,>=5.3.0)"] if project == "torchvision" else []
    extras = {}
    if build.rocm and project == "torchvision":
        extras = {f"device-{one}": f"amd-torchvision-device-{one}=={version}" for one in build.targets}
    module = "triton" if "triton" in project else project
    where = "linux_x86_64" if "triton" in project else platform(build)
    files = {f"{module}/__init__.py": f"__version__ = {version!r}\n"}
    return make(project, version, files=files, tag=f"{abi(python)}-{where}", requires=requires, extras=extras)


def abi(python: str) -> str:
    """`cp311` as the first two tags of a file name."""
    return f"{python.rstrip('t')}-{python}{'m' if python in ('cp36', 'cp37') else ''}"


def platform(build: Build) -> str:
    """From 2.6 on, the wheels say that they need glibc 2.28."""
    return "manylinux_2_28_x86_64" if build.version >= Version("2.6") and not build.rocm else "linux_x86_64"


@cache
def _zipped(content: tuple[tuple[str, bytes], ...]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, one in content:
            entry = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if "/bin/" in path else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, one)
    return made.getvalue()


def make(
    project: str,
    version: str,
    *,
    files: Mapping[str, str | bytes],
    tag: str = "py3-none-any",
    requires: list[str] | None = None,
    extras: Mapping[str, str] | None = None,
) -> FakeWheel:
    """A wheel whose RECORD is right. *extras*: what each extra asks for besides."""
    name = project.replace("-", "_")
    start = f"{name}-{version}.dist-info"
    lines = [f"Requires-Dist: {one}" for one in requires or ()]
    for extra, requirement in (extras or {}).items():
        lines += [f"Provides-Extra: {extra}", f'Requires-Dist: {requirement} ; extra == "{extra}"']
    head = ["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", *lines]
    metadata = "\n".join(head) + "\n"
    content = {path: one.encode() if isinstance(one, str) else one for path, one in files.items()}
    content[f"{start}/METADATA"] = metadata.encode()
    content[f"{start}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {str(tag.endswith('any')).lower()}\n"
        + "".join(f"Tag: {tag.rpartition('-')[0]}-{one}\n" for one in tag.rpartition("-")[2].split("."))
    ).encode()
    rows = [f"{path},sha256={_stated(one)},{len(one)}\n" for path, one in content.items()]
    content[f"{start}/RECORD"] = ("".join(rows) + f"{start}/RECORD,,\n").encode()
    return FakeWheel(f"{name}-{version}-{tag}.whl", _zipped(tuple(content.items())), metadata.encode())


def _stated(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


_INIT = '''"""As large as a test needs it: importing it loads the libraries, as importing the real one does."""

import ctypes
import os

from torch.version import __version__ as __version__
from torch import version as version

if {rocm}:
    import rocm_sdk

    rocm_sdk.initialize_process()
_library = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "lib", "{library}"), mode=ctypes.RTLD_GLOBAL)
'''
