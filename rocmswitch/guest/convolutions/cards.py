"""Which cards this machine has, as the kernel tells without starting any of them, and which of them torch means.

The topology is the driver's: HSA_OVERRIDE_GFX_VERSION, which makes ROCm call a card something else, does not
reach it. torch tells the name that ROCm uses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple, Sequence, Tuple

NODES = "/sys/class/kfd/kfd/topology/nodes"
OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"
_LONGEST = 65536
"""Characters that are read of one file: a real one has one or two thousand."""

Place = Tuple[int, int, int]
"""PCI: domain, bus and device."""


class Card(NamedTuple):
    """One that computes. `target` is what it is: `gfx1010`."""

    target: str
    place: Place


def read_cards(nodes: str = NODES) -> list[Card]:
    """Every card that the driver knows, in its order. What cannot be read is passed over: cards of others."""
    cards = (_card(_properties(folder / "properties")) for folder in _folders(Path(nodes)))
    return [card for card in cards if card is not None]


def chooser(
    torch: Any, cards: Sequence[Card], targets: Sequence[str], environment: Mapping[str, str]
) -> Callable[[Any], bool]:
    """Tells of a tensor, or of a device, whether its card is one of *targets*; each card is looked at once.

    HIP_VISIBLE_DEVICES and its like give cards other numbers, so they are told by where they are plugged in.
    """
    known: dict[int, bool] = {}

    def wants(tensor: Any) -> bool:
        index = getattr(tensor, "device", tensor).index
        if index is None:
            index = torch.cuda.current_device()
        if index not in known:
            target = target_of(torch.cuda.get_device_properties(index), cards, environment)
            # Where nobody can tell: the fallback is right on every card, and MIOpen may hang.
            known[index] = not target or target in targets
        return known[index]

    return wants


def target_of(properties: Any, cards: Sequence[Card], environment: Mapping[str, str]) -> str:
    """What the card with torch's *properties* is; empty where only an overridden name would tell."""
    place = tuple(getattr(properties, f"pci_{part}_id", None) for part in ("domain", "bus", "device"))
    for card in cards:
        if card.place == place:
            return card.target
    if len({card.target for card in cards}) == 1:
        return cards[0].target
    # Newer ROCr knows one such variable for each card: HSA_OVERRIDE_GFX_VERSION_0.
    if any(name.startswith(OVERRIDE) and value for name, value in environment.items()):
        return ""
    return named(properties)


def named(properties: Any) -> str:
    """What ROCm calls the card: `gfx1030`, without the features behind a colon."""
    return str(getattr(properties, "gcnArchName", "") or "").partition(":")[0]


def _folders(nodes: Path) -> list[Path]:
    """By number."""
    try:
        found = [folder for folder in nodes.iterdir() if folder.name.isdecimal() and folder.name.isascii()]
    except OSError:
        return []
    return sorted(found, key=lambda folder: int(folder.name))


def _properties(path: Path) -> dict[str, int]:
    """Lines of a name and a number; nothing of a file that cannot be read."""
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            pairs = [line.split() for line in file.read(_LONGEST).splitlines()]
    except OSError:
        return {}
    return {
        pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal() and len(pair[1]) <= 20
    }


def _card(properties: Mapping[str, int]) -> Card | None:
    """None for a processor, which is a node too."""
    major, rest = divmod(properties.get("gfx_target_version", 0), 10000)
    minor, stepping = divmod(rest, 100)
    if not 0 < major < 1000 or minor > 15 or stepping > 15:
        return None
    # The bus in the upper eight bits, the device in five, the function in three (drivers/gpu/drm/amd/amdkfd).
    location = properties.get("location_id", 0)
    place = (properties.get("domain", 0), location >> 8 & 255, location >> 3 & 31)
    return Card(f"gfx{major}{minor:x}{stepping:x}", place)
