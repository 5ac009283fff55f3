"""What the files of a PyTorch in an environment say, and what is around them. Nothing of it was run."""

from __future__ import annotations

from dataclasses import dataclass

from rocmswitch.model.gpucode import GpuCode, target_of_override


@dataclass(frozen=True)
class FrameworkLibrary:
    """A library that the framework brings along. `path` is its real one."""

    path: str
    soname: str = ""
    needed: tuple[str, ...] = ()
    executable_stack: bool = False
    """It asks for one."""
    search: str = ""
    """`rpath` or `runpath`: which tag says where it finds others; empty for neither."""
    needs: tuple[str, ...] = ()
    """Of each kind the newest symbol version that it asks the machine for: `GLIBC_2.28`, `GLIBCXX_3.4.22`."""
    code: GpuCode = GpuCode()
    seen: tuple[int, int, int] = (0, 0, 0)
    """Its size, time of change and inode when it was read."""

    @property
    def file(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Framework:
    """A PyTorch: what its own files state. Everything is empty that they do not."""

    folder: str
    """`…/site-packages/torch`."""
    version: str = ""
    """With its local part: `2.7.1+rocm6.2.4`."""
    hip: str = ""
    """What its version.py says of HIP; empty for a build without ROCm."""
    cuda: str = ""
    tells_itself: bool = False
    """Its version.py was read; else its version is that of its metadata, and nothing else is known of its build."""
    tags: tuple[str, ...] = ()
    """Of its wheel: `cp311-cp311-linux_x86_64`."""
    libraries: tuple[FrameworkLibrary, ...] = ()
    packs: tuple[str, ...] = ()
    """Targets for which there are archives of kernels, where the libraries leave their code to those."""
    blas: tuple[str, ...] = ()
    """Cards for which its rocBLAS has kernels."""
    blas_folder: str = ""
    """Where those lie; empty where it brings no rocBLAS along."""
    blas_version: str = ""
    blaslt: tuple[str, ...] = ()
    """Cards for which its hipBLASLt has kernels."""
    databases: tuple[str, ...] = ()
    """Cards for which its MIOpen has tuned solutions."""
    databases_folder: str = ""
    numpy: str = ""
    rocm: tuple[tuple[str, str], ...] = ()
    """ROCm's own wheels beside it, and their versions: `rocm-sdk-core`."""

    @property
    def core(self) -> FrameworkLibrary | None:
        """The library with PyTorch's own GPU code."""
        return self.library("libtorch_hip.so")

    def library(self, file: str) -> FrameworkLibrary | None:
        return next((one for one in self.libraries if one.file == file), None)

    @property
    def targets(self) -> tuple[str, ...]:
        """What PyTorch's own code is for; empty where that is not known."""
        if self.core is None:
            return ()
        return self.packs if self.core.code.packs else self.core.code.targets

    @property
    def is_for_rocm(self) -> bool:
        return bool(self.hip) or "+rocm" in self.version or self.core is not None

    @property
    def targets_are_known(self) -> bool:
        """Whether a target that is not among them is certain to have no code."""
        return self.core is not None and (bool(self.core.code.packs) or self.core.code.is_known)


@dataclass(frozen=True)
class FrameworkSymptoms:
    """A framework in its environment, on this machine."""

    name: str
    """What the user calls the environment: a name of ours, a path, `user`."""
    place: str
    framework: Framework
    kind: str = "venv"
    """`venv` for one of ours, else `foreign` or `user`."""
    stack: str = ""
    """Of an environment of ours; else the one whose manifest has this very torch, if there is one."""
    python: str = ""
    """Its interpreter: `cp311`; empty where that is not known."""
    packages_for: str = ""
    """The Python that its folder of packages is for, by the folder's name."""
    override: str = ""
    """HSA_OVERRIDE_GFX_VERSION as a program in it sees it on this card."""
    glibc: str = ""
    """This machine's."""
    defined: tuple[str, ...] = ()
    """Symbol versions of the C and C++ libraries that it would get."""
    glibc_min: str = ""
    """What the manifest says that this torch needs."""
    glibc_max: str = ""
    """The last that loads it unchanged."""
    loader: str = ""
    """What the manifest says of its search paths: `rpath` or `runpath`."""
    shadows: tuple[tuple[str, str], ...] = ()
    """Files that would be loaded instead of what it brings along, and what leads to them."""
    better: str = ""
    """A stack that is known to work on the card."""
    known_override: str = ""
    """HSA_OVERRIDE_GFX_VERSION as the manifest says that this torch needs it on the card."""
    older: str = ""
    """A torch of the same stack for an older glibc, where this one is too new for the machine."""
    kernels_of: str = ""
    """An installed stack that has the card's kernels for this very rocBLAS."""

    @property
    def is_ours(self) -> bool:
        return self.kind == "venv"

    def runs_as(self, card: str) -> str:
        """The target whose code a program in it runs on *card*."""
        return target_of_override(self.override) or card
