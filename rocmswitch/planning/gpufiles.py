"""Which files of a ROCm tree are for certain GPUs alone, and which of them a card needs.

Told from where a file lies and what it is called, and then from what it begins with: where the two do not agree,
or one of them does not tell, the file is for everybody. Libraries load these files by names with a card's target.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from rocmswitch.metadata.codeobject import PROCESSORS, processor_in
from rocmswitch.metadata.kpack import MAGIC as KPACK
from rocmswitch.metadata.kpack import targets_of_name
from rocmswitch.model.activation import CardVariable
from rocmswitch.model.gpucode import GENERIC, OVERRIDE, PORTABLE, plain, target_of_override
from rocmswitch.model.receipt import LeftOut

DATABASES = "MIOpen"
"""The library that does without these files, only slower."""

_TENSILE = {"rocblas": "rocBLAS", "hipblaslt": "hipBLASLt", "hipsparselt": "hipSPARSELt"}
_CODE, _CATALOGUES = ("co", "hsaco"), ("dat", "bin")
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(gfx[0-9a-f]{3,4}(?![0-9A-Za-z])|gfx[0-9]+(?:-[0-9]+)*-generic)(?:[-:](?:xnack|sramecc)[+-])*"
)
_MIOPEN = re.compile(r"gfx(?P<name>[0-9a-f]+)(?:_(?P<units>[0-9]{1,2}))?(?P<rest>[._].*)")
_MIOPEN_FILES = (".db", ".db.txt", ".fdb.txt", ".kdb", ".kdb.bz2")
"""Not `.model`: cards that have none of their own load that of gfx908."""
_FEW_UNITS = 64
"""Up to as many compute units stand in a name as `_60`; more as hexadecimal digits right behind the target (MIOpen,
`GetDbBasename` in src/include/miopen/handle.hpp): `gfx90878` is gfx908 with 120."""
_ROCFFT = re.compile(r"rocfft_kernel_cache[._-].*\.db")
_SQLITE = b"SQLite format 3\0"
_KPACK_FOLDER = ".kpack"


@dataclass(frozen=True)
class KernelFile:
    """A file for certain GPUs. `targets` are plain: `gfx90a`, without `xnack+`, or `gfx10-1-generic`."""

    library: str
    """Whose it is, for people: `rocBLAS`."""
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Kernels:
    """The cards that a tree is made for; none stands for all."""

    gpus: tuple[str, ...] = ()

    def needs(self, file: KernelFile | None) -> bool:
        """Whether one of the cards may load *file*; always where nobody can tell what it is for."""
        return not self.gpus or file is None or any(_runs_on(file.targets, gpu) for gpu in self.gpus)

    def runs(self, target: str) -> bool:
        """Whether code for *target*, or for one of several parted by blanks, runs on one of the cards."""
        return not self.gpus or any(_runs_on(target.split(), gpu) for gpu in self.gpus)

    def wants(self, path: str, size: int, head: bytes) -> bool:
        """The same for a regular file of *size* bytes that begins with *head*."""
        return not self.gpus or self.needs(named(path)) or self.needs(judged(path, size, head))

    def without(self, paths: Iterable[str], left_out: Iterable[LeftOut]) -> tuple[str, ...]:
        """What has lost files and has none for one of the cards, in sentences; *paths* are all that there is."""
        there: dict[str, set[str]] = {one.library: set() for one in left_out}
        for path in paths if there else ():
            one = named(path)
            if one is not None and one.library in there:
                there[one.library].update(one.targets)
        return tuple(
            f"{library} has no {'tuning databases' if library == DATABASES else 'kernels'} for {gpu}"
            for library in sorted(there)
            for gpu in self.gpus
            if not _runs_on(there[library], gpu)
        )


def kernels_for(gpus: Iterable[str], cards: Iterable[CardVariable] = ()) -> Kernels:
    """What the cards *gpus* need; by *cards* the manifest may have ROCm take one of them for another."""
    asked = frozenset(gpus)
    taken_for = (
        target_of_override(one.value) for one in cards if one.name == OVERRIDE and one.gpu in asked and one.value
    )
    return Kernels(plain((*asked, *filter(None, taken_for))))


def left_out(package: str, files: Iterable[tuple[str, int]]) -> tuple[LeftOut, ...]:
    """The records of *files* of *package*, paths with their bytes, that were not wanted."""
    by_name = ((named(path), size) for path, size in files)
    return summed(LeftOut(package, one.library, " ".join(one.targets), 1, size) for one, size in by_name if one)


def summed(records: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """One record for each package, library and target, sorted."""
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for one in records:
        whose = one.package, one.library, one.gpu
        count, size = sums.get(whose, (0, 0))
        sums[whose] = count + one.count, size + one.size
    return tuple(LeftOut(*whose, *sums[whose]) for whose in sorted(sums))


def named(path: str) -> KernelFile | None:
    """What *path* says of the file there; None where nothing certain. A library, or a file without an ending,
    never is for certain GPUs."""
    parts = PurePosixPath(path).parts
    if len(parts) < 2:
        return None
    folders, name = parts[:-1], parts[-1]
    if _KPACK_FOLDER in folders:
        return _kernel_file("its archives of kernels", targets_of_name(name) if name.endswith(".kpack") else ())
    if folders[-2:] == ("miopen", "db"):
        return _kernel_file(DATABASES, _of_miopen(name))
    if "rocfft" in folders and _ROCFFT.fullmatch(name):
        return _kernel_file("rocFFT", _tokens(name))
    inside = _below_tensile(folders)
    if inside is None or name.rpartition(".")[2] not in (*_CODE, *_CATALOGUES):
        return None
    library, between = inside
    found = [_tokens(one) for one in (*between, name) if "gfx" in one]
    return _kernel_file(library, found[0]) if found and all(one == found[0] for one in found) else None


def judged(path: str, size: int, head: bytes) -> KernelFile | None:
    """What *path* says, if the content does not say otherwise; None where it does, or does not tell."""
    one = named(path)
    if one is None:
        return None
    ending = path.rpartition(".")[2]
    if ending in _CODE:
        from rocmswitch.metadata.offloadbundle import targets_in  # brings pyelftools along, which plans do without

        code = processor_in(head)
        inside = plain((code,) if code else targets_in(head, size))
        return one if inside == one.targets else None
    if ending == "kpack":
        return one if head.startswith(KPACK) else None
    if ending in ("db", "kdb") and not head.startswith(_SQLITE):
        return None
    return None if _is_code(head) else one


def _is_code(head: bytes) -> bool:
    return head.startswith((b"\x7fELF", b"__CLANG_OFFLOAD_BUNDLE__", b"CCOB"))


def _kernel_file(library: str, targets: tuple[str, ...]) -> KernelFile | None:
    return KernelFile(library, plain(targets)) if targets else None


def _below_tensile(folders: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """Whose folder of kernels *folders* lead into, and those inside: `rocblas/library`, `rocblas/5/library`."""
    for number, folder in enumerate(folders):
        if folder in _TENSILE:
            rest = folders[number + 1 :]
            start = next((at for at, one in enumerate(rest[:2]) if one == "library"), None)
            if start is not None:
                return _TENSILE[folder], rest[start + 1 :]
    return None


def _tokens(name: str) -> tuple[str, ...]:
    """The one target that *name* names, perhaps several times; none where it names several, or an unknown one."""
    found = [one[1] for one in _TOKEN.finditer(name)]
    is_certain = len(found) == name.count("gfx") and len(set(found)) == 1 and found[0] in PROCESSORS
    return (found[0],) if is_certain else ()


def _of_miopen(name: str) -> tuple[str, ...]:
    """The target in the name of a database, which the number of compute units follows."""
    match = _MIOPEN.fullmatch(name)
    if not match or not name.endswith(_MIOPEN_FILES):
        return ()
    if f"gfx{match['name']}" in PROCESSORS:
        return (f"gfx{match['name']}",)
    if match["units"]:
        return ()
    found = tuple(_with_units(match["name"]))
    return found if len(found) == 1 else ()


def _with_units(digits: str) -> Iterator[str]:
    """The targets whose name *digits* begin with, if what follows is a number of compute units in hexadecimal."""
    for target in (one for one in PROCESSORS if digits.startswith(one.removeprefix("gfx"))):
        units = digits.removeprefix(target.removeprefix("gfx"))
        if 2 <= len(units) <= 3 and units[0] != "0" and int(units, 16) > _FEW_UNITS:
            yield target


def _runs_on(targets: Iterable[str], gpu: str) -> bool:
    return any(one in (gpu, PORTABLE) or gpu in GENERIC.get(one, ()) for one in targets)
