"""What `gpu` says of a card, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rocmswitch.model.card import WSL, Card, Cards, Link, Memory, OtherCard
from rocmswitch.model.convolutionwords import FALLBACK
from rocmswitch.operations.gpu import Seen
from rocmswitch.planning.gpu import Group, Support, grouped

_VENDORS = {
    0x10DE: "NVIDIA",
    0x8086: "Intel",
    0x1A03: "ASPEED",
    0x102B: "Matrox",
    0x1234: "QEMU",
    0x1B36: "QEMU",
    0x1AF4: "virtio",
    0x15AD: "VMware",
    0x80EE: "VirtualBox",
    0x1414: "Microsoft",
    0x1013: "Cirrus Logic",
}
_SOURCES = {"kfd": "the driver says so", "pci": "by its PCI id"}


def rows(card: Card, cards: Cards) -> Iterator[tuple[str, str]]:
    """What is known of it."""
    revision = "" if card.revision is None else f", revision {card.revision:02x}"
    board = f", board {card.subsystem}" if card.subsystem else ""
    yield "where", f"{card.address}{', part of the processor' if card.integrated else ''}"
    yield "PCI id", f"{card.vendor:04x}:{card.device:04x}{revision}{board}"
    yield (
        "target",
        f"{card.target}, {_SOURCES[card.target_from]}" if card.target else "unknown: too old, or too new",
    )
    yield "memory", _memory(card.memory, integrated=card.integrated)
    yield "driver", _driver(card)
    if card.nodes:
        yield "GPUs", _nodes(card, cards)
    if card.render_node:
        yield "device file", card.render_node
    if card.link.speed or card.link.top_speed:
        yield "link", link(card.link)


def link(found: Link) -> str:
    """How it runs; that it runs below its best is a fact, and no fault."""
    now, best = f"PCIe {_pace(found.speed, found.width)}", _pace(found.top_speed, found.top_width)
    if not found.is_reduced:
        return now
    idle = "; an idle card lowers its speed" if 0 < found.speed < found.top_speed else ""
    narrow = "; the slot or the board gives it fewer lanes" if 0 < found.width < found.top_width else ""
    return f"{now} of at most {best}{idle}{narrow}"


def others(found: Iterable[OtherCard]) -> str:
    """Cards of other vendors in one line."""
    words = (
        f"{_VENDORS.get(one.vendor, 'vendor')} {one.vendor:04x}:{one.device:04x} at {one.address}"
        f"{f' ({one.driver})' if one.driver else ''}"
        for one in found
    )
    return f"others: {', '.join(words)}"


def unnamed(card: Card) -> str:
    """For a card that no table and no driver names."""
    return f"AMD {card.vendor:04x}:{card.device:04x}"


def hidden(cards: Cards) -> str:
    return (
        f"the kernel keeps {cards.hidden} of the nodes in /sys/class/kfd from this process: a cgroup gives those "
        "cards to others"
    )


def nothing(seen: Seen) -> str:
    """Why there is no card to show."""
    where = " and ".join(f"`{place}`" for place in seen.looked_at)
    kept = f"; {hidden(seen.cards)}" if seen.cards.hidden else ""
    windows = f"; {WSL}" if seen.cards.in_wsl else ""
    return f"there is no AMD card in {where}{kept}{windows}"


def support(known: Sequence[Support], *, everything: bool) -> Iterator[tuple[str, str]]:
    """For each group of stacks that give the same what that is, each thing in a line of its own; or all of each
    stack in one.
    """
    for group in (row for one in known for row in grouped((one,))) if everything else grouped(known):
        told = (group.stacks, *_given(group))
        if everything:
            yield group.support, "; ".join(told)
        else:
            yield from zip((group.support, *("" for _ in told[1:])), told, strict=True)


def advice(target: str) -> str:
    return f"`rocmswitch recommend --gpu {target}` puts them in order, and says why"


def _given(group: Group) -> Iterator[str]:
    given = (
        [f"sets {', '.join(f'{name}={value}' for name, value in group.environment)}"] if group.environment else []
    )
    given += ["convolutions without MIOpen"] if group.convolutions == FALLBACK else []
    evidence = [*group.evidence, *([f"{group.further} more"] if group.further else [])]
    if group.known_bad:
        yield f"known to fail: {', '.join(group.known_bad)}"
    if given:
        yield "; ".join(given)
    if group.unread:
        which = "this" if group.unread == group.count else f"for {group.unread} of {group.count} this"
        yield f"unverified: {which} was not read in a source"
    if evidence:
        yield f"evidence: {', '.join(evidence)}"


def _memory(found: Memory, *, integrated: bool) -> str:
    own = _size(found.vram) if found.vram else ""
    if integrated:
        shared = f"{_size(found.shared)} of the machine's (GTT)" if found.shared else "the machine's"
        return f"{own} set aside, and {shared}" if own else shared
    if not own:
        return "unknown: only its driver knows"
    if 0 < found.visible < found.vram:
        return f"{own}, of which the processor reaches {_size(found.visible)} (no resizable BAR)"
    return own


def _driver(card: Card) -> str:
    if card.is_for_guests:
        return f"{card.driver}: it is kept for a virtual machine"
    if card.is_kept:
        return f"{card.driver}: for cards that are too old for ROCm"
    if not card.driver:
        return "none has it: run `rocmswitch doctor`"
    version = f" {card.driver_version}" if card.driver_version else ""
    reach = "" if card.nodes else ", which offers programs no GPU in it: run `rocmswitch doctor`"
    return f"{card.driver}{version}{reach}"


def _nodes(card: Card, cards: Cards) -> str:
    first, last = card.nodes[0], card.nodes[-1]
    parts = f"node {first}" if first == last else f"{len(card.nodes)} parts, nodes {first} to {last}"
    kin = [one.address for one in cards.amd if card.hive and one.hive == card.hive and one is not card]
    return f"{parts}{f', joined by xGMI with {len(kin)} more' if kin else ''}"


def _size(count: int) -> str:
    """Powers of two, as memory is made and cards are sold."""
    return f"{count / 2**30:.4g} GiB" if count >= 2**30 else f"{count / 2**20:.4g} MiB"


def _pace(speed: float, width: int) -> str:
    return f"{speed:g} GT/s x{width}" if width else f"{speed:g} GT/s"
