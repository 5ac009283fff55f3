"""AMD's layout of rpm on a small scale: `rocm/el9/6.2.4/main`, versioned names that end with `-devel`.

    published = amd_rpms(folder, key, "el9")             # serve `folder` in place of https://repo.radeon.com

The libraries are those of tests/support/amdrepository.py; what the packages need of the system is a plausible few.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.amdrepository import KEY_PATH, VERSIONS
from tests.support.debs import Content, Library, Link, Program
from tests.support.keys import SigningKey
from tests.support.rpmrepository import Rpm, RpmRepository

RELEASE = "6.2.4"
_NUMBER, _ROOT = "60204", f"opt/rocm-{RELEASE}"
LIBDRM = ("libdrm-amdgpu", "libdrm-amdgpu-common")


def amd_rpms(folder: Path, key: SigningKey, system: str = "el9") -> RpmRepository:
    """Make and publish the release for *system*, whose packages are signed and whose repomd.xml is, too."""
    repository = RpmRepository(folder / f"rocm/{system}/{RELEASE}/main", key, sign_packages=True)
    repository.add(*_rpms(system)).publish()
    repository.publish_key(folder / KEY_PATH)
    return repository


def amd_driver_rpms(folder: Path, key: SigningKey, place: str = "el/9.4") -> RpmRepository:
    """The second repository, of which user space needs libdrm."""
    repository = RpmRepository(folder / f"amdgpu/{RELEASE}/{place}/main/x86_64", key, sign_packages=True)
    lib = "opt/amdgpu/lib64"
    version = {"epoch": "1", "version": f"2.4.110.{_NUMBER}", "release": "1.el9"}
    drm = Library("libdrm_amdgpu.so.1", functions=("amdgpu_init",))
    return repository.add(
        Rpm(LIBDRM[1], "1.0.0.60204", "1.el9", files={"opt/amdgpu/share/libdrm/amdgpu.ids": "x\n"}),
        Rpm(LIBDRM[0], requires=(LIBDRM[1],), files={f"{lib}/libdrm_amdgpu.so.1": drm}, **version),
    ).publish()


def _rpms(system: str) -> tuple[Rpm, ...]:
    """The runtime, what a compiler needs, and two libraries."""
    module = VERSIONS[RELEASE]

    def rpm(name: str, version: str, needs: str = "", *base: str, **files: Content) -> Rpm:
        return Rpm(
            f"{name}{RELEASE}",
            f"{version}.{_NUMBER}",
            f"139.{system}",
            requires=(*(f"{one}{RELEASE}" for one in needs.split()), *base),
            files={f"{_ROOT}/{path.replace('__', '/')}": content for path, content in files.items()},
        )

    hip = f"libamdhip64.so.{module.hip_soname}"
    hsa = Library("libhsa-runtime64.so.1", functions=("hsa_init",), version="ROCR_1", rpath="$ORIGIN")
    info = Program("libhsa-runtime64.so.1", "hsa_init", f"/{_ROOT}/lib")
    runtime = Library(hip, needs=("libhsa-runtime64.so.1",), functions=("hipInit",), rpath=f"/{_ROOT}/lib")
    return (
        rpm("rocm-core", RELEASE, **{".info__version": f"{RELEASE}-139\n"}),
        rpm("hsa-rocr", "1.14.0", "rocm-core", "libdrm-amdgpu", **{"lib__libhsa-runtime64.so.1": hsa}),
        rpm("rocminfo", "1.0.0", "hsa-rocr", "/bin/sh", bin__rocminfo=info),
        rpm(
            "hip-runtime-amd",
            module.hip,
            "hsa-rocr rocminfo",
            "libc.so.6(GLIBC_2.2.5)(64bit)",
            "perl",
            **{f"lib__{hip}": runtime, "lib__libamdhip64.so": Link(hip)},
        ),
        rpm("rocm-hip-runtime", RELEASE, "hip-runtime-amd rocminfo rocm-core"),
        rpm("rocm-llvm", "18.0.0", "rocm-core", "libstdc++", llvm__bin__clang=Program()),
        rpm("hip-devel", module.hip, "hip-runtime-amd", bin__hipcc="#!/bin/sh\nexit 0\n"),
        rpm("rocm-hip-runtime-devel", RELEASE, "rocm-hip-runtime hip-devel rocm-llvm"),
        rpm("rocblas", module.rocblas, "hip-runtime-amd", **{"lib__librocblas.so.4": Library("librocblas.so.4")}),
        rpm("miopen-hip", module.miopen, "rocblas", **{"lib__libMIOpen.so.1": Library("libMIOpen.so.1")}),
        rpm("miopen-hip-devel", module.miopen, "miopen-hip"),
        rpm("rocm-hip-libraries", RELEASE, "rocm-hip-runtime rocblas"),
        rpm("rocm-hip-sdk", RELEASE, "rocm-hip-runtime-devel rocm-hip-libraries"),
    )
