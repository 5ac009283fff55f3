"""The variables of cards, gathered so that a script asks once which card there is: manifests have dozens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rocmswitch.model.activation import CardVariable


class CardGroup(NamedTuple):
    """What some cards have in common. With a `profile` it holds only where that one was chosen."""

    gpus: tuple[str, ...]
    profile: str
    variables: tuple[tuple[str, str], ...]


def grouped(cards: Iterable[CardVariable]) -> tuple[CardGroup, ...]:
    """*cards* as few groups, without a profile first: a profile's value comes later and takes the other's place."""
    by_card: dict[tuple[str, str], dict[str, str]] = {}
    for one in cards:
        by_card.setdefault((one.profile, one.gpu), {})[one.name] = one.value
    alike: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
    for (profile, gpu), variables in by_card.items():
        alike.setdefault((profile, tuple(variables.items())), []).append(gpu)
    groups = [CardGroup(tuple(gpus), profile, variables) for (profile, variables), gpus in alike.items()]
    return tuple(sorted(groups, key=lambda group: group.profile != ""))
