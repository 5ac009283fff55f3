"""Packages of which there is one for each card: `amdrocm10.0-{gpu}` in a manifest is `amdrocm10.0-gfx1201` here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rocmswitch.errors import NotFound
from rocmswitch.model.activation import CardVariable
from rocmswitch.model.gpucode import GENERIC
from rocmswitch.planning.gpufiles import kernels_for

GPU = "{gpu}"
_WORD = r"gfx[0-9a-z]+(?:-[0-9a-z]+)*"
_ENDING = re.compile(rf"[-_]({_WORD})$")
_FAMILY = re.compile(r"(gfx[0-9a-f]+)x(?:-[a-z]+)?")
"""How AMD's new builds name cards that share packages: `gfx110x`, `gfx103x-all`."""


@dataclass(frozen=True)
class Choice:
    """For which cards packages are wanted; without any, for all that there are."""

    stack: str
    gpus: tuple[str, ...] = ()
    cards: tuple[CardVariable, ...] = ()
    sets: tuple[str, ...] = ()
    """As they were asked for, to be repeated in a hint."""


def expanded(roots: Sequence[str], choice: Choice, names: Callable[[], Iterable[str]]) -> tuple[str, ...]:
    """*roots* with the packages of the chosen cards, where one stands for them; *names* are all that there are.

    Raises NotFound where there is none for a card.
    """
    if not any(GPU in root for root in roots):
        return tuple(roots)
    known = sorted(names())
    return tuple(dict.fromkeys(one for root in roots for one in _expanded(root, choice, known)))


def _expanded(root: str, choice: Choice, names: Sequence[str]) -> Iterable[str]:
    name, blank, bounds = root.partition(" ")
    if GPU not in name:
        return (root,)
    pattern = re.compile(re.escape(name).replace(re.escape(GPU), f"({_WORD})"))
    words = [match[1] for one in names if (match := pattern.fullmatch(one))]
    wanted = _wanted(words, name, choice)
    return [f"{name.replace(GPU, word)}{blank}{bounds}" for word in wanted]


def _wanted(words: Sequence[str], name: str, choice: Choice) -> Sequence[str]:
    if not choice.gpus:
        if not words:
            raise NotFound(f"no source of `{choice.stack}` has a package `{name}`, whatever the card")
        return words
    found = []
    for gpu in choice.gpus:
        either = kernels_for((gpu,), choice.cards).gpus
        own = [word for word in words if any(_is_for(word, one) for one in either)]
        if not own:
            asked = "".join(f" --set {one}" for one in choice.sets)
            there = f"only for {' '.join(words)}" if words else "for no card"
            raise NotFound(
                f"`{choice.stack}` has `{name}` {there}, not for `{gpu}`",
                hint=f"run `rocmswitch install {choice.stack}{asked} --gpu all`",
            )
        found += own
    return list(dict.fromkeys(found))


def card_of(package: str) -> str:
    """Whom the end of the name of *package* says it is for, `gfx1201` or `gfx110x`; empty where it says nothing."""
    match = _ENDING.search(package)
    return match[1] if match else ""


def is_for(word: str, gpus: Iterable[str]) -> bool:
    """Whether a package with *word* in its name is for one of the cards *gpus*."""
    return any(_is_for(word, gpu) for gpu in gpus)


def _is_for(word: str, gpu: str) -> bool:
    family = _FAMILY.fullmatch(word)
    return word == gpu or gpu in GENERIC.get(word, ()) or bool(family and _is_of(family[1], gpu))


def _is_of(start: str, gpu: str) -> bool:
    return gpu.startswith(start) and len(gpu) == len(start) + 1
