"""AMD's layout on a small scale: versioned packages below /opt/rocm-X.Y.Z, in rocm/apt/VERSION.

    release = amd_release(folder, key, "5.2.3")          # serve `folder` in place of https://repo.radeon.com
    release.repository.publish()                         # again, after a change

Names, versions, roots and what the meta packages pull are those of the real releases as far as they are known;
the libraries are small, and the dependencies on the distribution are a plausible few.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.aptrepository import DEFAULT, AptRepository, Publication
from tests.support.debs import Content, Deb, Library, Link, Program
from tests.support.keys import SigningKey

KEY_PATH = "rocm/rocm.gpg.key"


@dataclass(frozen=True)
class AmdVersion:
    """What is peculiar to a release: the build's number, and the versions of its modules."""

    release: str
    url_folder: str
    suite: str
    build: str
    hip: str
    hip_soname: str
    rocblas: str
    rocblas_soname: str
    miopen: str


VERSIONS = {
    "5.2.0": AmdVersion("5.2.0", "5.2", "ubuntu", "65", "5.2.21151", "5", "2.44.0", "0", "2.17.0"),
    "5.2.3": AmdVersion("5.2.3", "5.2.3", "ubuntu", "109", "5.2.21153", "5", "2.44.0", "0", "2.17.0"),
    "6.2.4": AmdVersion("6.2.4", "6.2.4", "noble", "139~24.04", "6.2.41134", "6", "4.2.4", "4", "3.2.0"),
}
HIP_LIBRARIES = (
    "hipblas",
    "hipfft",
    "hiprand",
    "hipsolver",
    "hipsparse",
    "rccl",
    "rocalution",
    "rocblas",
    "rocfft",
)
MORE_LIBRARIES = ("rocrand", "rocsolver", "rocsparse")


@dataclass(frozen=True)
class AmdRelease:
    """A published release: `root` is the tree inside its packages (`opt/rocm-5.2.3`)."""

    version: AmdVersion
    repository: AptRepository
    key_file: Path

    @property
    def root(self) -> str:
        return f"opt/rocm-{self.version.release}"


def amd_release(
    folder: Path, key: SigningKey, release: str = "5.2.3", *, suite: str = "", how: Publication = DEFAULT
) -> AmdRelease:
    """Make and publish *release* in *folder*`/rocm/apt/…`, and the key in *folder*`/rocm/rocm.gpg.key`."""
    version = VERSIONS[release]
    place = folder / "rocm" / "apt" / version.url_folder
    repository = AptRepository(place, key, suite=suite or version.suite)
    repository.add(*amd_packages(version)).publish(how)
    return AmdRelease(version, repository, repository.publish_key(folder / KEY_PATH))


def amd_driver_repository(
    folder: Path, key: SigningKey, version: str = "22.20.3", suite: str = "jammy", build: str = "50203"
) -> AptRepository:
    """The second repository, *folder*`/amdgpu/VERSION/ubuntu`, of which user space needs libdrm."""
    tree = "opt/amdgpu"
    repository = AptRepository(folder / "amdgpu" / version / "ubuntu", key, suite=suite)
    number = f"1:2.4.110.{build}-1438747"
    lib = f"{tree}/lib/x86_64-linux-gnu"
    return repository.add(
        Deb(
            "libdrm-amdgpu-common",
            f"1.0.0.{build}",
            architecture="all",
            files={f"{tree}/share/libdrm/amdgpu.ids": "x\n"},
        ),
        Deb("libdrm2-amdgpu", number, files={f"{lib}/libdrm.so.2": Library("libdrm.so.2", functions=("drmOpen",))}),
        Deb(
            "libdrm-amdgpu-amdgpu1",
            number,
            depends=f"libdrm2-amdgpu (= {number}), libdrm-amdgpu-common",
            files={
                f"{lib}/libdrm_amdgpu.so.1": Library(
                    "libdrm_amdgpu.so.1", needs=("libdrm.so.2",), functions=("amdgpu_init",)
                )
            },
        ),
    ).publish()


def amd_packages(version: AmdVersion) -> tuple[Deb, ...]:
    """Every package of *version*; of `rocminfo` the unversioned one too, which depends on the versioned."""
    make = _Maker(version)
    return (*_runtime(make), *_compiler(make), *_libraries(make), make.pointer("rocminfo"), make.pointer("rocblas"))


@dataclass(frozen=True)
class _Maker:
    """Writes names and versions as AMD does: `rocblas5.2.3` in version `2.44.0.50203-109`."""

    version: AmdVersion

    @property
    def root(self) -> str:
        return f"opt/rocm-{self.version.release}"

    @property
    def number(self) -> str:
        """6.2.4 is 60204."""
        major, minor, patch = self.version.release.split(".")
        return f"{major}{minor:0>2}{patch:0>2}"

    def package(
        self, name: str, module: str, needs: str = "", base: str = "", files: dict[str, Content] | None = None
    ) -> Deb:
        """*needs* are names of this release, *base* is a list of the distribution's, as Depends has it."""
        depends = [f"{one}{self.version.release}" for one in needs.split()]
        return Deb(
            f"{name}{self.version.release}",
            f"{module}.{self.number}-{self.version.build}",
            depends=", ".join([*depends, *filter(None, [base])]),
            files={f"{self.root}/{path}": content for path, content in (files or {}).items()},
        )

    def meta(self, name: str, needs: str) -> Deb:
        return self.package(name, self.version.release, f"{needs} rocm-core")

    def pointer(self, name: str) -> Deb:
        """The unversioned package, which only one release at a time can have."""
        return Deb(
            name, f"{self.version.release}.{self.number}-{self.version.build}", f"{name}{self.version.release}"
        )


def _runtime(make: _Maker) -> tuple[Deb, ...]:
    version = make.version
    hip = f"libamdhip64.so.{version.hip_soname}"
    return (
        make.package("rocm-core", version.release, files={".info/version": f"{version.release}-{version.build}\n"}),
        make.package(
            "comgr",
            "2.4.0",
            "rocm-core",
            "libc6 (>= 2.14), zlib1g",
            {"lib/libamd_comgr.so.2": Library("libamd_comgr.so.2")},
        ),
        make.package(
            "hsa-rocr",
            "1.5.0",
            "rocm-core",
            "libc6 (>= 2.14), libelf1, libdrm-amdgpu-amdgpu1 | libdrm-amdgpu1",
            {
                "lib/libhsa-runtime64.so.1": Library(
                    "libhsa-runtime64.so.1", functions=("hsa_init",), version="ROCR_1", rpath="$ORIGIN"
                )
            },
        ),
        make.package(
            "hip-runtime-amd",
            version.hip,
            "hsa-rocr comgr rocm-core rocminfo",
            "perl (>= 5.0), libc6 (>= 2.27)",
            {
                f"lib/{hip}": Library(
                    hip,
                    needs=("libhsa-runtime64.so.1", "libamd_comgr.so.2"),
                    functions=("hipRuntimeGetVersion",),
                    version=f"hip_{version.hip_soname}.0",
                    rpath=f"/{make.root}/lib",
                    executable_stack=version.release.startswith("5."),
                ),
                "lib/libamdhip64.so": Link(hip),
                "hip/lib/libamdhip64.so": Link(f"../../lib/{hip}"),
                "bin/hipconfig": "#!/bin/sh\necho HIP\n",
            },
        ),
        make.package(
            "rocminfo",
            "1.0.0",
            "hsa-rocr rocm-core",
            "kmod, pciutils, python3",
            {"bin/rocminfo": Program("libhsa-runtime64.so.1", "hsa_init", f"/{make.root}/lib")},
        ),
        make.package("openmp-extras", "13.52.0", "rocm-core", files={"share/openmp-extras/README": "stand-in\n"}),
        make.package(
            "openmp-extras-runtime", "17.60.0", "rocm-core", files={"share/openmp-runtime/README": "stand-in\n"}
        ),
        make.meta("rocm-language-runtime", "comgr hsa-rocr openmp-extras-runtime"),
        make.meta("rocm-hip-runtime", "rocm-language-runtime hip-runtime-amd rocminfo"),
        make.package("rocm-smi-lib", "5.0.0", "rocm-core", "python3", {"bin/rocm-smi": "#!/usr/bin/env python3\n"}),
    )


def _compiler(make: _Maker) -> tuple[Deb, ...]:
    clang: dict[str, Content] = {"llvm/bin/clang": Program(), "llvm/bin/clang++": Link("clang")}
    return (
        make.package(
            "rocm-llvm", "14.0.0", "rocm-core", "libc6, libstdc++6, libtinfo5 | libtinfo6, python3", clang
        ),
        make.package("rocm-device-libs", "1.0.0", "rocm-core", "", {"amdgcn/bitcode/ocml.bc": b"BC\xc0\xde"}),
        make.package("hsakmt-roct-dev", "20220426.1.026", "rocm-core", "", {"include/hsakmt/hsakmt.h": "/* */\n"}),
        make.package(
            "hsa-rocr-dev", "1.5.0", "hsa-rocr hsakmt-roct-dev rocm-core", "", {"include/hsa/hsa.h": "/* */\n"}
        ),
        make.package(
            "hip-dev",
            make.version.hip,
            "hip-runtime-amd hsa-rocr-dev rocm-core",
            "perl (>= 5.0), libfile-which-perl, liburi-encode-perl",
            {"include/hip/hip_runtime.h": "/* */\n", "bin/hipcc": "#!/bin/sh\nexit 0\n"},
        ),
        make.package("hipcc", "1.1.1", "rocm-core", "", {"share/doc/hipcc": "stand-in\n"}),
        make.package("hipify-clang", "14.0.0", "rocm-core", "", {"bin/hipify-clang": Program()}),
        make.package("rocm-cmake", "0.8.0", "rocm-core", "cmake", {"share/rocm/cmake/ROCMConfig.cmake": "\n"}),
        make.meta(
            "rocm-hip-runtime-dev",
            "rocm-hip-runtime hip-dev hipcc hipify-clang hsa-rocr-dev hsakmt-roct-dev rocm-cmake"
            " rocm-device-libs rocm-llvm",
        ),
    )


def _libraries(make: _Maker) -> tuple[Deb, ...]:
    version = make.version
    modules = {"rocblas": version.rocblas, "miopen-hip": version.miopen}
    singles = []
    for name in (*HIP_LIBRARIES, *MORE_LIBRARIES, "miopen-hip"):
        module = modules.get(name, "1.0.0")
        stem = "MIOpen" if name == "miopen-hip" else name
        soname = f"lib{stem}.so.{version.rocblas_soname if name == 'rocblas' else '1'}"
        needs = "rocblas hip-runtime-amd rocm-core" if name == "miopen-hip" else "hip-runtime-amd rocm-core"
        library = Library(soname, needs=(f"libamdhip64.so.{version.hip_soname}",), rpath="$ORIGIN")
        singles += [
            make.package(name, module, needs, "libc6 (>= 2.27)", {f"lib/{soname}": library}),
            make.package(f"{name}-dev", module, f"{name} rocm-core", "", {f"lib/lib{stem}.so": Link(soname)}),
        ]
    libraries = " ".join((*HIP_LIBRARIES, *MORE_LIBRARIES))
    headers = " ".join(f"{name}-dev" for name in (*HIP_LIBRARIES, *MORE_LIBRARIES))
    return (
        *singles,
        make.meta("rocm-hip-libraries", f"rocm-hip-runtime {libraries}"),
        make.meta("rocm-hip-sdk", f"rocm-hip-runtime-dev rocm-hip-libraries {headers}"),
    )
