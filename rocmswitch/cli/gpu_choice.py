"""The option --gpu of commands that make a prefix: for which cards it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from rocmswitch.cli.cardword import checked_card
from rocmswitch.errors import MachineLacks, UsageMistake
from rocmswitch.operations.entering import SYSROOT

AUTO, ALL = "auto", "all"

_Command = TypeVar("_Command", bound=Callable[..., Any])


def gpu_option(command: _Command) -> _Command:
    """Gives *command* the words of the user as `gpu`, a tuple; `chosen_gpus` tells what they mean."""
    return click.option(
        "--gpu",
        "gpu",
        multiple=True,
        metavar="CARD",
        help="Without the files of other cards: gfx1010, `auto` (this machine's), or `all` again. Repeat for more.",
    )(command)


def chosen_gpus(words: Iterable[str], known: Iterable[str] = ()) -> tuple[str, ...] | None:
    """The cards that *words* name, none of them for all cards; None where the user said nothing of them.

    *known* are cards besides those that rocmswitch knows itself. Raises UsageMistake, and MachineLacks where
    this machine has no card and `auto` was asked for.
    """
    from rocmswitch.model.gpucode import plain

    asked = [word.strip() for one in words for word in one.split(",")]
    if not asked:
        return None
    if ALL in asked:
        if len(set(asked)) > 1:
            raise UsageMistake(f"`--gpu {ALL}` stands alone: it means every card")
        return ()
    named = [_checked(word, known) for word in asked if word != AUTO]
    return plain((*named, *(_of_this_machine() if AUTO in asked else ())))


def _checked(word: str, known: Iterable[str]) -> str:
    from rocmswitch.metadata.codeobject import PROCESSORS
    from rocmswitch.model.gpucode import GENERIC

    if word in GENERIC:
        raise UsageMistake(f"`{word}` is a family of cards, name those you mean: {_listed(GENERIC[word])}")
    if not checked_card(word) or word not in (*PROCESSORS, *known):
        raise UsageMistake(f"`{word[:40]}` is no card that rocmswitch knows", hint="run `rocmswitch gpu`")
    return word


def cards_here() -> tuple[str, ...]:
    """The targets of the AMD cards here, or of the machine whose files ROCMSWITCH_SYSROOT names.

    And what this user's own settings have ROCm take them for: it loads the files of those.
    """
    from rocmswitch.host.cards import read_cards

    found = read_cards(Path(os.environ.get(SYSROOT) or "/"))
    targets = tuple(card.target for card in found.amd if card.target)
    return (*targets, *_taken_for()) if targets else ()


def _of_this_machine() -> tuple[str, ...]:
    targets = cards_here()
    if not targets:
        raise MachineLacks(
            f"there is no AMD card here whose files `--gpu {AUTO}` could keep",
            hint="run the same command with `--gpu gfx1010`, with the card you mean",
        )
    return targets


def _taken_for() -> list[str]:
    from rocmswitch.model.gpucode import OVERRIDE, target_of_override

    values = [value for name, value in os.environ.items() if name == OVERRIDE or name.startswith(f"{OVERRIDE}_")]
    return [target for value in values if (target := target_of_override(value))]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{one}`" for one in names)
