"""The cards of a machine as people know them: one card may be many GPUs to programs, or none."""

from __future__ import annotations

from dataclasses import dataclass

AMD = 0x1002
"""PCI vendor."""
WSL = "`/dev/dxg` is there, as in WSL, where Windows has the card and does not say which it is"
"""Why none is shown there, as a part of a sentence."""
_FOR_GUESTS = ("vfio-pci", "pci-stub")
"""Drivers that hold a card for a virtual machine."""
KEEPERS = (*_FOR_GUESTS, "radeon")
"""Drivers that give nothing to programs here: those, and the one of cards that are too old for ROCm."""


@dataclass(frozen=True)
class Memory:
    """Bytes; 0 is unknown."""

    vram: int = 0
    """The card's own; of an integrated one, what the firmware has set aside for it."""
    visible: int = 0
    """How much of it the processor reaches directly: all with a resizable BAR, else 256 MiB."""
    shared: int = 0
    """The machine's, that the card may use as well (GTT)."""
    source: str = ""
    """`drm` or `kfd`: who says so."""


@dataclass(frozen=True)
class Link:
    """PCI Express, as it runs now and as it could: gigatransfers a second and lanes; 0 is unknown."""

    speed: float = 0
    width: int = 0
    top_speed: float = 0
    top_width: int = 0

    @property
    def is_reduced(self) -> bool:
        """It runs below what its two ends could do. An idle card lowers its speed by itself, never its width."""
        return 0 < self.speed < self.top_speed or 0 < self.width < self.top_width


@dataclass(frozen=True)
class Card:
    """An AMD card. What nobody states is empty, 0 or None."""

    address: str
    """Where it is plugged in, as lspci writes it: `0000:08:00.0`."""
    vendor: int
    device: int
    revision: int | None
    subsystem: str
    """Of the board's maker: `1da2:e409`."""
    name: str
    """For people: `AMD Radeon RX 5700 XT`; the driver's word `navi10` where nobody knows one."""
    target: str
    """What code for it is compiled for: `gfx1010`."""
    target_from: str
    """`kfd`, the driver says it; `pci`, it follows from the PCI ids."""
    memory: Memory
    driver: str
    """The one that is bound to it."""
    render_node: str
    """`/dev/dri/renderD128`, the first of several."""
    link: Link
    integrated: bool
    """It is part of a processor and computes in the machine's memory."""
    node: int | None
    """Its number in the KFD topology, the first of several; None where programs find no GPU in it."""
    name_from: str = ""
    """`libdrm`, the machine's own table; `rocmswitch`, ours; `driver`."""
    driver_version: str = ""
    """Of amdgpu, where it states one: AMD's own packages do, the kernel's module does not."""
    nodes: tuple[int, ...] = ()
    """All its numbers in the topology: a partitioned card has one for each part."""
    hive: str = ""
    """Cards with the same one are joined by xGMI: 16 hexadecimal digits."""

    @property
    def is_kept(self) -> bool:
        """One of the drivers holds it that give nothing to programs here."""
        return self.driver in KEEPERS

    @property
    def is_for_guests(self) -> bool:
        """It is held for a virtual machine."""
        return self.driver in _FOR_GUESTS


@dataclass(frozen=True)
class OtherCard:
    """A display or computing card of another vendor."""

    address: str
    vendor: int
    device: int
    driver: str = ""


@dataclass(frozen=True)
class Cards:
    """All cards of a machine, in the order of their addresses."""

    amd: tuple[Card, ...] = ()
    others: tuple[OtherCard, ...] = ()
    hidden: int = 0
    """Nodes of the topology that the kernel does not let this process read: a cgroup keeps them for others."""
    in_wsl: bool = False
    """Windows has the cards, and lets programs use them by a device file of its own."""
