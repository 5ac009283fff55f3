"""The GPUs of this machine, or of one whose file system is mounted at a root, from the kernel's KFD topology.

Imports nothing that takes time: `run` and `env` ask here what card it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from rocmswitch.model.gpu import Gpu, target_name
from rocmswitch.system.reading import open_regular

NODES = "sys/class/kfd/kfd/topology/nodes"
_LONGEST = 64 * 1024
"""Bytes that are read of one file: a real one has one or two thousand."""


def read_gpus(root: Path = Path("/")) -> tuple[Gpu, ...]:
    """Every GPU that amdgpu's compute driver knows, in its order. Raises nothing.

    Processors are nodes too and are left out, as is what cannot be read: in a container the kernel hides
    the cards that it may not use (EPERM from `properties`).
    """
    return tuple(_gpus(root))


def first_target(root: Path = Path("/")) -> str:
    """What the first GPU is, `gfx1010`; empty where there is none."""
    return next((gpu.target for gpu in _gpus(root)), "")


def hidden_nodes(root: Path = Path("/")) -> int:
    """How many nodes the kernel shows without letting this process read them: cards of others, by cgroup."""
    return sum(not _is_readable(folder / "properties") for folder in _nodes(root / NODES))


def read_nodes(root: Path = Path("/")) -> Iterator[tuple[Path, dict[str, int]]]:
    """Every node's folder and what it states of itself, processors too; nothing of what cannot be read."""
    for folder in _nodes(root / NODES):
        yield folder, _properties(_content(folder / "properties"))


def as_gpu(folder: Path, properties: Mapping[str, int], name: str) -> Gpu:
    """What a node states of itself; without a target it is a processor, or the kernel is older than 5.13."""
    return Gpu(
        node=int(folder.name),
        target=target_name(properties.get("gfx_target_version", 0)),
        name=name,
        vendor=properties.get("vendor_id", 0),
        device=properties.get("device_id", 0),
        domain=properties.get("domain", 0),
        location=properties.get("location_id", 0),
        render_minor=properties.get("drm_render_minor", 0),
    )


def _gpus(root: Path) -> Iterator[Gpu]:
    for folder, properties in read_nodes(root):
        gpu = as_gpu(folder, properties, _content(folder / "name").strip())
        if gpu.target:
            yield gpu


def _nodes(folder: Path) -> list[Path]:
    try:
        names = [path for path in folder.iterdir() if path.name.isascii() and path.name.isdecimal()]
    except OSError:
        return []
    return sorted(names, key=lambda path: int(path.name))


def _properties(text: str) -> dict[str, int]:
    """Lines of a name and a number; what is no such line is passed over."""
    pairs = (line.split() for line in text.splitlines())
    return {
        pair[0]: int(pair[1])
        for pair in pairs
        if len(pair) == 2 and pair[1].isascii() and pair[1].isdecimal() and len(pair[1]) <= 20
    }


def _is_readable(path: Path) -> bool:
    """Asked by reading: the kernel refuses only then, whatever the mode says."""
    try:
        with open_regular(path) as file:
            file.read(1)
    except OSError:
        return False
    return True


def _content(path: Path) -> str:
    """Empty where it cannot be read."""
    try:
        with open_regular(path, buffered=True) as file:
            return file.read(_LONGEST).decode("ascii", "replace")
    except OSError:
        return ""
