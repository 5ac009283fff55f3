"""What a card is by its PCI ids: its target, its name for people, and whether it is part of a processor.

The table is read when the first of these is asked, and nothing that is called often asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from rocmswitch.planning import cardtable

_NAMED = 3
"""So many names of one device are listed where its revision is not known."""


@dataclass(frozen=True)
class Family:
    """The cards of one target."""

    target: str
    chip: str
    """`Navi 10`."""
    architecture: str
    """`RDNA 1`."""
    integrated: bool
    devices: frozenset[int]


def target_of(device: int, revision: int | None = None) -> str:
    """`gfx1010`; empty where nobody knows, as where it takes a revision to know."""
    exceptions = {one: target for (found, one), target in _exceptions().items() if found == device}
    if exceptions and revision is None:
        return ""
    family = _families().get(device)
    return exceptions.get(revision or 0, family.target if family else "")


def name_of(device: int, revision: int | None = None) -> str:
    """`AMD Radeon RX 5700 XT`; what all of a device may be where its revision is not known; empty where unknown."""
    known = _names().get(device, {})
    if revision in known:
        return f"AMD {known[revision]}"
    names = list(dict.fromkeys(known.values()))
    if 0 < len(names) <= _NAMED and revision is None:
        return f"AMD {' or '.join(names)}"
    family = _families().get(device)
    if family is None:
        return ""
    return f"AMD {family.chip} ({family.architecture})" if family.chip else f"AMD card ({family.architecture})"


def is_integrated(device: int) -> bool:
    """Whether it is part of a processor."""
    family = _families().get(device)
    return device == int(cardtable.INTEGRATED, 16) or (family is not None and family.integrated)


def families() -> tuple[Family, ...]:
    """All that the table knows, each target once."""
    return tuple(dict.fromkeys(_families().values()))


@cache
def _families() -> dict[int, Family]:
    devices: dict[str, list[int]] = {}
    head = ""
    for line in cardtable.TARGETS.splitlines():
        if line.startswith(" "):
            devices.setdefault(head, []).extend(int(word, 16) for word in line.split())
        else:
            head = line
    found: dict[int, Family] = {}
    for head, ids in devices.items():
        target, chip, architecture, *mark = (word.strip() for word in head.split("|"))
        found |= dict.fromkeys(ids, Family(target, chip, architecture, bool(mark), frozenset(ids)))
    return found


@cache
def _exceptions() -> dict[tuple[int, int], str]:
    device, revision, target = cardtable.BY_REVISION.split()
    return {(int(device, 16), int(revision, 16)): target}


@cache
def _names() -> dict[int, dict[int | None, str]]:
    found: dict[int, dict[int | None, str]] = {}
    for line in cardtable.NAMES.splitlines():
        ids, _, name = line.partition(" | ")
        device, *revisions = (int(word, 16) for word in ids.split())
        for revision in revisions:
            found.setdefault(device, {}).setdefault(revision, name)
    return found
