"""Which files let a bundled rocBLAS compute on one more GPU.

rocBLAS has no list of its kernels: for the GPU that it finds it opens a catalogue, and the files that the
catalogue names (library/src/tensile_host.cpp). `TensileLibrary_lazy_gfx1010.dat` names the others one by one,
among them `*_fallback.dat`, which belong to no GPU; without one of those the program ends with a null pointer.
`TensileLibrary_gfx1010.dat` is a whole catalogue, and `TensileLibrary.dat` one for all GPUs together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rocmswitch.errors import NotFound, Refused

_ALL_GPUS = "TensileLibrary.dat"
"""Of a rocBLAS that was built without a catalogue for each GPU, as Debian's is up to 5.5.1."""

_GPU = re.compile(r"gfx[0-9a-f]+")
_FALLBACK = re.compile(r"TensileLibrary_[^/]*_fallback\.dat")
_SHOWN = 12


@dataclass(frozen=True)
class KernelFile:
    """`path` leads there from the folder of kernels; `size` is bytes."""

    path: str
    size: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def gpus(self) -> frozenset[str]:
        """Of its name and of the folder that it lies in; `gfx90a-xnack+` is for gfx90a."""
        return frozenset(_GPU.findall(self.path))


@dataclass(frozen=True)
class Rocblas:
    """One rocBLAS: its library, which version that is, and the kernels beside it."""

    owner: str
    """As the user knows what it belongs to: a stack or an environment."""
    library: str
    version: str
    """`4.2.4`; empty where nothing tells it."""
    folder: str
    """Of the kernels; absolute."""
    files: tuple[KernelFile, ...]
    told_by: str = "the library itself"

    @property
    def gpus(self) -> tuple[str, ...]:
        """The GPUs that it can compute on: it has their kernels, and a catalogue of them."""
        named = {gpu for one in self.files for gpu in one.gpus}
        return tuple(sorted((gpu for gpu in named if self.catalogue(gpu) and _code(self.files, gpu)), key=_order))

    def catalogue(self, gpu: str) -> str:
        """The name of the file that rocBLAS would open first for *gpu*; empty where there is none."""
        names = {one.name for one in self.files if gpu in one.gpus or not one.gpus}
        wanted = (f"TensileLibrary_lazy_{gpu}.dat", f"TensileLibrary_{gpu}.dat", _ALL_GPUS)
        return next((one for one in wanted if one in names), "")


@dataclass(frozen=True)
class Placement:
    """A file of kernels, and where it goes below the folder of the other rocBLAS."""

    file: KernelFile
    path: str


def check_fit(source: Rocblas, target: Rocblas) -> None:
    """Raise Refused unless both are the same rocBLAS: major, minor and patch are equal.

    rocBLAS reads the files without asking which version wrote them (library/src/tensile_host.cpp), and takes the
    names and the arguments of kernels from the catalogue: those of another version crash, or compute nonsense.
    """
    for one in (source, target):
        if not one.version:
            raise Refused(f"nothing tells which rocBLAS `{one.library}` is, so nothing tells which kernels fit it")
    if source.version != target.version:
        raise Refused(
            f"the kernels of `{source.owner}` are for rocBLAS {source.version}, "
            f"and `{target.owner}` has rocBLAS {target.version}",
            hint="run `rocmswitch list --available`, and take the kernels from a stack of the environment's ROCm",
        )


def bundled_version(torch: str, stack: str, stated: str) -> str:
    """The rocBLAS that a PyTorch wheel brings along, as the manifest of its stack has it *stated*.

    Only where the wheel was built with exactly that stack: `2.7.1+rocm6.2.4` with rocm-6.2.4. `+rocm6.2` may hold
    any 6.2.
    """
    return stated if torch.partition("+")[2] == stack.replace("-", "", 1) else ""


def choose_kernels(gpu: str, source: Rocblas, target: Rocblas) -> tuple[Placement, ...]:
    """All files of *gpu* that *source* has, and what they need and *target* lacks, sorted.

    What belongs to no GPU is never replaced. Raises NotFound where *source* has not all that *gpu* needs.
    """
    catalogue = source.catalogue(gpu)
    own = [one for one in source.files if gpu in one.gpus]
    if not catalogue or not _code(own, gpu):
        raise NotFound(f"{_why_not(gpu, source, own)}; {_has(source)}")
    there = {one.name for one in target.files if not one.gpus}
    needed = (
        _FALLBACK if "_lazy_" in catalogue else re.compile(re.escape(_ALL_GPUS if catalogue == _ALL_GPUS else "-"))
    )
    shared = [one for one in source.files if not one.gpus and needed.fullmatch(one.name) and one.name not in there]
    folders = {one.path.rpartition("/")[0] for one in target.files}
    return tuple(Placement(one, _place(one, folders)) for one in sorted((*own, *shared), key=lambda one: one.path))


def _place(file: KernelFile, folders: Iterable[str]) -> str:
    """A folder for each GPU is looked into only where there is one: else all files lie side by side."""
    return file.path if file.path.rpartition("/")[0] in folders else file.name


def _code(files: Iterable[KernelFile], gpu: str) -> bool:
    """Whether there are kernels of *gpu* themselves: code objects."""
    return any(gpu in one.gpus and one.name.endswith(("co", ".dat")) and "_lazy_" not in one.name for one in files)


def _why_not(gpu: str, source: Rocblas, own: Sequence[KernelFile]) -> str:
    if not own:
        return f"`{source.owner}` has no rocBLAS kernels for `{gpu}`"
    # Tensile#1897: before ROCm 6.2, GPUs without tuned kernels got no catalogue of their own.
    return f"`{source.owner}` has kernels for `{gpu}`, but no catalogue, without which rocBLAS does not find them"


def _has(source: Rocblas) -> str:
    names = [f"`{one}`" for one in source.gpus]
    if not names:
        return "it has none for any GPU"
    shown = names if len(names) <= _SHOWN else [*names[:_SHOWN], f"{len(names) - _SHOWN} more"]
    return f"it has them for {', '.join(shown)}"


def _order(gpu: str) -> tuple[int, str]:
    return len(gpu), gpu
