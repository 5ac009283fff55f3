"""One device on the PCI bus, from /sys: what it is, which driver has it, how its link runs, what memory it states.

Files are opened as those of a stranger: /sys may be that of another machine, unpacked below a folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.model.card import Link, Memory
from rocmswitch.system.reading import open_regular

DEVICES = "sys/bus/pci/devices"
_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_LONGEST = 4096
_HEX = re.compile(r"(?:0x)?([0-9a-fA-F]{1,8})")
_SPEED = re.compile(r"([0-9]{1,3}(?:\.[0-9])?) GT/s")
"""`16.0 GT/s PCIe`; older kernels leave the last word out. `Unknown speed` is what a powered-down link states."""
_SWITCHES = {(0x1002, 0x1478), (0x1002, 0x1479), (0x1022, 0x1470), (0x1022, 0x1471)}
"""Upstream and downstream port of the switch on Navi and on Vega cards. Between it and the chip the link always
runs at its best; what the slot gives is stated by the upstream port (drm/amd#1967, amdgpu-sysfs-rs#6)."""


@dataclass(frozen=True)
class PciDevice:
    """A function of a device. Numbers that it does not state are 0, its revision None."""

    folder: Path
    address: str
    kind: int
    """Its class: 0x030000 is a VGA controller, 0x038000 and 0x12.... are what computes alone."""
    vendor: int
    device: int
    revision: int | None
    subsystem: str
    driver: str

    @property
    def is_card(self) -> bool:
        """It shows pictures or computes: display controllers, processing accelerators (PCI class codes)."""
        return self.kind >> 16 in (0x03, 0x12)


def read_pci(root: Path) -> Iterator[PciDevice]:
    """All of them, in the order of their addresses. What cannot be read states nothing."""
    try:
        names = sorted(path.name for path in (root / DEVICES).iterdir() if _ADDRESS.fullmatch(path.name))
    except OSError:
        return
    for name in names:
        yield _device(root / DEVICES / name)


def read_memory(device: PciDevice) -> Memory:
    """As amdgpu states it to DRM; nothing where another driver has the card."""
    vram, visible, shared = (number(device.folder / f"mem_info_{one}_total") for one in ("vram", "vis_vram", "gtt"))
    return Memory(vram, visible, shared, "drm") if vram or shared else Memory()


def read_link(device: PciDevice, root: Path) -> Link:
    """Of the card with its slot: of the switch on the card where it has one."""
    folder = device.folder
    for parent in _parents(folder, root):
        ids = (_hex(parent / "vendor"), _hex(parent / "device"))
        if ids not in _SWITCHES:
            break
        folder = parent
    return Link(
        _speed(folder / "current_link_speed"),
        number(folder / "current_link_width"),
        _speed(folder / "max_link_speed"),
        number(folder / "max_link_width"),
    )


def render_nodes(device: PciDevice) -> tuple[str, ...]:
    """The device files that programs open to compute on it."""
    try:
        names = [path.name for path in (device.folder / "drm").iterdir()]
    except OSError:
        return ()
    return tuple(f"/dev/dri/{name}" for name in sorted(names) if re.fullmatch(r"renderD[0-9]{3,5}", name))


def number(path: Path) -> int:
    """A decimal number that is all the file says; 0 where it says something else."""
    text = text_of(path)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else 0


def text_of(path: Path) -> str:
    """Empty where it cannot be read."""
    try:
        with open_regular(path) as file:
            return file.read(_LONGEST).decode("ascii", "replace").strip()
    except OSError:
        return ""


def _device(folder: Path) -> PciDevice:
    known = text_of(folder / "revision")
    ids = tuple(_hex(folder / f"subsystem_{one}") for one in ("vendor", "device"))
    return PciDevice(
        folder,
        folder.name,
        _hex(folder / "class"),
        _hex(folder / "vendor"),
        _hex(folder / "device"),
        _hex(folder / "revision") if _HEX.fullmatch(known) else None,
        f"{ids[0]:04x}:{ids[1]:04x}" if any(ids) else "",
        _driver(folder),
    )


def _driver(folder: Path) -> str:
    try:
        name = (folder / "driver").readlink().name
    except OSError:
        return ""
    return name if re.fullmatch(r"[\w.-]{1,64}", name, re.ASCII) else ""


def _parents(folder: Path, root: Path) -> Iterator[Path]:
    """The bridges above, the nearest first: the entry on the bus is a link into the tree of devices."""
    place = Path(os.path.realpath(folder))
    if not place.is_relative_to(os.path.realpath(root)):
        return
    for parent in place.parents:
        if not _ADDRESS.fullmatch(parent.name):
            return
        yield parent


def _speed(path: Path) -> float:
    found = _SPEED.match(text_of(path))
    return float(found[1]) if found else 0


def _hex(path: Path) -> int:
    found = _HEX.fullmatch(text_of(path))
    return int(found[1], 16) if found else 0
