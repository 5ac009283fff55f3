"""Look at the cards, and at what each stack's manifest says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.errors import RocmswitchError
from rocmswitch.host.cards import LOOKED_AT, read_cards
from rocmswitch.model.card import Cards
from rocmswitch.planning.gpu import Support, support_of
from rocmswitch.store.catalog import Catalog


@dataclass(frozen=True)
class Seen:
    """The cards, and by target what the stacks give it, in the order of the cards."""

    cards: Cards
    support: Mapping[str, tuple[Support, ...]]
    looked_at: tuple[str, ...]
    """Where cards would be found."""
    mistakes: tuple[RocmswitchError, ...] = ()
    """Of manifests that could not be read."""


def look(root: Path, catalog: Catalog, target: str = "") -> Seen:
    """The cards of the machine at *root*; what stacks give to *target* where one is given, else to each card."""
    cards = read_cards(root)
    targets = (target,) if target else tuple(dict.fromkeys(card.target for card in cards.amd if card.target))
    manifests, mistakes = catalog.read_all() if targets else ((), ())
    stacks = [one.stack for one in manifests]
    return Seen(
        cards,
        {one: support_of(one, stacks) for one in targets},
        tuple(str(root / place) for place in LOOKED_AT),
        mistakes,
    )
