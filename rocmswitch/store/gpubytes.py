"""How much of an installed tree is for each card: kernel files and databases, and parts of fat libraries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.metadata.elf import MAGIC
from rocmswitch.metadata.offloadbundle import parse_gpu_bytes
from rocmswitch.model.activation import CardVariable
from rocmswitch.model.gpucode import GENERIC, PORTABLE, plain
from rocmswitch.model.receipt import Receipt
from rocmswitch.planning.gpufiles import KernelFile, judged, kernels_for, named
from rocmswitch.store.receipts import read_files
from rocmswitch.store.target import HEAD
from rocmswitch.system.reading import open_regular

_SMALLEST = 4096
"""Bytes. A bundle of GPU code begins at a page of its own."""


@dataclass(frozen=True)
class ForOne:
    """What there is for one target, and what a tree for that card alone would be smaller by. Bytes."""

    target: str
    files: int
    size: int
    inside: int
    """Of libraries, which hold code for several cards."""
    saved: int


@dataclass(frozen=True)
class GpuBytes:
    """Of one tree. `libraries` are by path the bytes for each target, the largest library first."""

    targets: tuple[ForOne, ...]
    libraries: tuple[tuple[str, Mapping[str, int]], ...]


def read_gpu_bytes(tree: Path, receipt: Receipt) -> GpuBytes:
    """Looks at the files of *tree*, of which *receipt* tells. Reads tables alone: some milliseconds a library.

    Raises VerificationFailed where the list of files cannot be read. A file that cannot be read does not count.
    """
    kernels: list[tuple[KernelFile, int]] = []
    libraries: list[tuple[str, dict[str, int]]] = []
    for path, size in _files(tree, receipt):
        one = _kernel_file(tree, path, size)
        if one is not None:
            kernels.append((one, size))
        elif size > _SMALLEST and ".so" in path.rpartition("/")[2] and (inside := _inside(tree / path)):
            libraries.append((path, inside))
    libraries.sort(key=lambda item: -sum(item[1].values()))
    return GpuBytes(tuple(_for_each(kernels, libraries, receipt.activation.cards)), tuple(libraries))


def _files(tree: Path, receipt: Receipt) -> Iterator[tuple[str, int]]:
    """Paths below *tree* and their bytes; of a linked tree nobody has made a list."""
    if not receipt.linked:
        yield from ((one.path, one.size) for one in read_files(tree) if one.kind == "file")
        return
    folder = Path(receipt.linked)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.stat().st_size


def _kernel_file(tree: Path, path: str, size: int) -> KernelFile | None:
    if named(path) is None:
        return None
    try:
        with open_regular(tree / path) as file:
            return judged(path, size, file.read(HEAD))
    except OSError:
        return None


def _inside(path: Path) -> dict[str, int]:
    try:
        with open_regular(path, buffered=True) as file:
            return _plain(parse_gpu_bytes(file)) if file.read(len(MAGIC)) == MAGIC else {}
    except OSError:
        return {}


def _plain(sizes: Mapping[str, int]) -> dict[str, int]:
    """Without the features of targets: `gfx90a:xnack+` counts for gfx90a."""
    found = Counter[str]()
    for target, size in sizes.items():
        found[target.partition(":")[0]] += size
    return dict(found)


def _for_each(
    kernels: Iterable[tuple[KernelFile, int]],
    libraries: Iterable[tuple[str, Mapping[str, int]]],
    cards: tuple[CardVariable, ...],
) -> Iterator[ForOne]:
    counts, sizes, inside = Counter[str](), Counter[str](), Counter[str]()
    kernels = tuple(kernels)
    for one, size in kernels:
        counts.update(one.targets)
        sizes.update(dict.fromkeys(one.targets, size))
    for _, found in libraries:
        inside.update(found)
    for target in plain({*counts, *inside}):
        needed = kernels_for((target,), cards)
        is_card = target not in GENERIC and target != PORTABLE
        saved = sum(size for one, size in kernels if not needed.needs(one)) if is_card else 0
        yield ForOne(target, counts[target], sizes[target], inside[target], saved)
