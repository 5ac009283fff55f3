"""The cards of this machine, or of one whose /sys lies below a root: the PCI bus, joined with the KFD topology.

The bus knows every card, with a driver or without; the topology knows what programs may compute on. A container or
a recording may have only one of them. `host/gpu.py` is what start-up asks: it reads less.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.host.gpu import as_gpu, hidden_nodes, read_nodes
from rocmswitch.host.pci import DEVICES, PciDevice, read_link, read_memory, read_pci, render_nodes, text_of
from rocmswitch.metadata.amdgpuids import parse_amdgpu_ids
from rocmswitch.model.card import AMD, Card, Cards, Link, Memory, OtherCard
from rocmswitch.model.gpu import Gpu
from rocmswitch.planning.cardnames import is_integrated, name_of, target_of
from rocmswitch.system.reading import open_regular

LOOKED_AT = (DEVICES, "sys/class/kfd")
_TABLES = ("usr/share/libdrm/amdgpu.ids", "opt/amdgpu/share/libdrm/amdgpu.ids")
"""libdrm's names, of the distribution and of AMD's packages."""
_TABLE_LIMIT = 1024 * 1024
_BANKS = 64
_DRIVER = "amdgpu"
"""The only one that makes a topology."""
_PUBLIC, _PRIVATE = 1, 2
"""heap_type of a memory bank: the card's, that the processor reaches, and the rest (kfd_topology.h)."""


Names = Mapping[tuple[int, int], str]


@dataclass(frozen=True)
class Node:
    """A part of a card that computes, as the topology states it."""

    gpu: Gpu
    unique: int
    hive: str
    has_processor: bool
    """The processor is in the same node: it is one chip."""
    memory: Memory


def read_cards(root: Path = Path("/")) -> Cards:
    """All that is there, in the order of addresses. Raises nothing: what cannot be read is not known."""
    plugged = {one.address: one for one in read_pci(root) if one.is_card}
    ours = {address: one for address, one in plugged.items() if one.vendor == AMD}
    groups = _by_card(_nodes(root), ours)
    names = _names(root) if ours or groups else {}
    cards = tuple(
        _card(address, ours.get(address), groups.get(address, ()), names) for address in sorted({*ours, *groups})
    )
    version = text_of(root / "sys/module/amdgpu/version")
    return Cards(
        tuple(_as_driven(card, ours.get(card.address), version, root) for card in cards),
        tuple(
            OtherCard(one.address, one.vendor, one.device, one.driver)
            for one in plugged.values()
            if one.vendor != AMD
        ),
        hidden_nodes(root),
        in_wsl=os.access(root / "dev/dxg", os.F_OK),
    )


def _by_card(nodes: Iterator[Node], known: Collection[str]) -> dict[str, tuple[Node, ...]]:
    """The nodes of each card, by its address.

    A partitioned MI300 has one for each part, at functions that no PCI device has, with one unique number.
    """
    groups: dict[str, tuple[Node, ...]] = {}
    for node in nodes:
        address = node.gpu.address
        if address not in known and address not in groups:
            slot = address.partition(".")[0]
            kin = [one for one, group in groups.items() if one.startswith(slot) and _are_parts(node, group[0])]
            address = kin[0] if kin else f"{slot}.0" if f"{slot}.0" in known else address
        groups[address] = (*groups.get(address, ()), node)
    return groups


def _are_parts(one: Node, other: Node) -> bool:
    return (one.unique, one.gpu.device) == (other.unique, other.gpu.device)


def _card(address: str, plugged: PciDevice | None, nodes: Sequence[Node], names: Names) -> Card:
    """What its ids and the topology say; of a card that only the topology shows, without a revision."""
    device = plugged.device if plugged else nodes[0].gpu.device
    revision = plugged.revision if plugged else None
    stated = next((node.gpu.target for node in nodes if node.gpu.target), "")
    target = stated or target_of(device, revision)
    word = next((node.gpu.name for node in nodes if node.gpu.name), "")
    name, source = _name((device, revision), word, names)
    return Card(
        address=address,
        vendor=AMD,
        device=device,
        revision=revision,
        subsystem=plugged.subsystem if plugged else "",
        name=name,
        target=target,
        target_from="kfd" if stated else "pci" if target else "",
        memory=_sum([node.memory for node in nodes]),
        driver=plugged.driver if plugged else _DRIVER,
        render_node=next((node.gpu.render_node for node in nodes if node.gpu.render_node), ""),
        link=Link(),
        integrated=is_integrated(device) or any(node.has_processor for node in nodes),
        node=nodes[0].gpu.node if nodes else None,
        name_from=source,
        nodes=tuple(node.gpu.node for node in nodes),
        hive=next((node.hive for node in nodes if node.hive), ""),
    )


def _as_driven(card: Card, plugged: PciDevice | None, version: str, root: Path) -> Card:
    """*card* with what its driver and its link state, which only the bus shows."""
    version = version if card.driver == _DRIVER and version.isprintable() else ""
    if plugged is None:
        return replace(card, driver_version=version)
    memory, files = read_memory(plugged), render_nodes(plugged)
    return replace(
        card,
        driver_version=version,
        memory=memory if memory.vram else replace(card.memory, shared=memory.shared),
        render_node=card.render_node or (files[0] if files else ""),
        link=read_link(plugged, root),
    )


def _name(ids: tuple[int, int | None], word: str, names: Names) -> tuple[str, str]:
    """The name, and who says it: the machine's table, ours where it is exact or nobody else knows, the driver."""
    device, revision = ids
    known = names.get((device, revision)) if revision is not None else None
    if known:
        return known, "libdrm"
    ours = name_of(device, revision)
    return (ours, "rocmswitch") if ours else (word, "driver" if word else "")


def _names(root: Path) -> Names:
    """The first of the machine's tables that can be read."""
    for table in _TABLES:
        try:
            with open_regular(root / table) as file:
                return parse_amdgpu_ids(file.read(_TABLE_LIMIT).decode("utf-8", "replace").splitlines())
        except OSError:
            continue  # neither has to be there
    return {}


def _nodes(root: Path) -> Iterator[Node]:
    """Those that compute and are no mere processors. Kernels before 5.13 state no target."""
    for folder, stated in read_nodes(root):
        gpu = as_gpu(folder, stated, _word(folder / "name"))
        if not gpu.target and not (stated.get("simd_count") and gpu.vendor == AMD):
            continue
        yield Node(
            gpu,
            stated.get("unique_id", 0),
            f"{hive:016x}" if (hive := stated.get("hive_id", 0)) else "",
            stated.get("cpu_cores_count", 0) > 0,
            _banks(folder / "mem_banks"),
        )


def _word(path: Path) -> str:
    text = text_of(path)
    return text[:64] if text.isprintable() else ""


def _banks(folder: Path) -> Memory:
    """The card's own banks."""
    sizes = {_PUBLIC: 0, _PRIVATE: 0}
    for number in range(_BANKS):
        text = text_of(folder / str(number) / "properties")
        if not text:
            break
        stated = dict(pair for line in text.splitlines() if len(pair := line.split()) == 2)
        size, kind = stated.get("size_in_bytes", ""), stated.get("heap_type", "")
        if kind in ("1", "2") and size.isascii() and size.isdecimal() and len(size) <= 20:
            sizes[int(kind)] += int(size)
    return Memory(sum(sizes.values()), sizes[_PUBLIC], source="kfd" if any(sizes.values()) else "")


def _sum(parts: Sequence[Memory]) -> Memory:
    """Of a partitioned card's parts."""
    total, visible = sum(one.vram for one in parts), sum(one.visible for one in parts)
    return Memory(total, visible, source="kfd" if total else "")
