"""Which stacks come into question on this machine, or for a card that is named."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.errors import NotFound, RocmswitchError
from rocmswitch.host.cards import read_cards
from rocmswitch.host.facts import read_host
from rocmswitch.host.gpu import first_target
from rocmswitch.host.libraries import HostLibraries
from rocmswitch.model.card import WSL, Card, Cards
from rocmswitch.model.recommendation import Machine, Recommendation, Way
from rocmswitch.operations.entering import GPU, SYSROOT
from rocmswitch.planning.otherways import other_ways
from rocmswitch.planning.purposes import ANY
from rocmswitch.planning.recommend import recommend
from rocmswitch.store.catalog import Catalog
from rocmswitch.store.interpreters import find_interpreter, tags_at_hand
from rocmswitch.store.probes import Probes
from rocmswitch.store.virtualenv import Uv


@dataclass(frozen=True)
class Wish:
    """What was asked for. What was not is empty."""

    gpu: str = ""
    purpose: str = ANY
    python: str = ""
    """`3.12`, or a path."""
    root: Path = Path("/")


@dataclass(frozen=True)
class Advice:
    """The answer, the best first."""

    machine: Machine
    purpose: str
    recommendations: tuple[Recommendation, ...]
    ways: tuple[Way, ...]
    unread: tuple[RocmswitchError, ...]
    """Manifests that are passed over, and why."""


def advise(
    wish: Wish, catalog: Catalog, uv: Uv, probes: Probes, environment: Mapping[str, str] = os.environ
) -> Advice:
    """Judge every stack. Changes nothing and asks no server.

    Raises NotFound where there is no card and none was named, and for a Python that is not to be had.
    """
    machine = survey(wish, uv, environment)
    manifests, unread = catalog.read_all()
    stacks = tuple(one.stack for one in manifests)
    found = recommend(stacks, machine, wish.purpose, probes.read_all())
    return Advice(machine, wish.purpose, found, other_ways(stacks, machine, found), unread)


def survey(wish: Wish, uv: Uv, environment: Mapping[str, str]) -> Machine:
    """What decides. Raises as `advise`."""
    there = read_cards(wish.root)
    cards = _in_order(there.amd)
    target = wish.gpu or environment.get(GPU, "") or next((one.target for one in cards), "")
    if not target:
        raise NotFound(
            _why_no_target(there),
            hint="run `rocmswitch recommend --gpu gfx1030`, or what your card is",
        )
    card = next((one for one in cards if one.target == target), None)
    by_itself = environment.get(GPU) or first_target(Path(environment.get(SYSROOT) or "/"))
    host, libc = read_host(wish.root), HostLibraries(wish.root).find("libc.so.6")
    present, fetchable = tags_at_hand(uv)
    return Machine(
        target,
        named=target != by_itself,
        name=card.name if card else "",
        integrated=card.integrated if card else False,
        others=tuple(dict.fromkeys(one.target for one in cards if one.target != target)),
        ahead=_ahead_of(card, cards),
        idle=card is not None and card.node is None,
        architecture=host.architecture,
        codename=host.codename,
        glibc=host.glibc,
        glibc_file=str(libc or ""),
        kernel=os.uname().release if wish.root == Path("/") else "",
        python=find_interpreter(wish.python, (), uv).tag if wish.python else "",
        wanted=wish.python,
        present=present,
        fetchable=fetchable,
    )


def _why_no_target(cards: Cards) -> str:
    for card in cards.amd:
        kept = f"{card.driver} keeps the card at {card.address} from programs"
        return kept if card.is_kept else f"nothing says which target the card at {card.address} is"
    return f"this machine shows no AMD card{f'; {WSL}' if cards.in_wsl else ''}"


def _in_order(cards: tuple[Card, ...]) -> list[Card]:
    """As they are meant: cards before what is part of a processor, and then by the kernel's number.

    Those that it offers to no program come last.
    """
    known = [one for one in cards if one.target and not one.is_kept]
    return sorted(known, key=lambda one: (one.node is None, one.integrated, one.node or 0, one.address))


def _ahead_of(card: Card | None, cards: Sequence[Card]) -> str:
    """What part of the processor programs are given before *card*, which is none."""
    if card is None or card.integrated or card.node is None:
        return ""
    numbered = (one for one in cards if one.integrated and one.node is not None and one.node < card.node)
    return next((one.target for one in numbered), "")
