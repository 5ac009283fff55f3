"""A card that a user names: by an option, or by ROCMSWITCH_GPU."""

from __future__ import annotations

import os

import click

from rocmswitch.errors import UsageMistake
from rocmswitch.model.grammar import GPU as NAME
from rocmswitch.operations.entering import GPU


def named_card(option: str | None) -> str:
    """The one of the *option*, else of the variable; empty where neither names one. Raises UsageMistake."""
    return checked_card(option or os.environ.get(GPU))


def checked_card(word: str | None) -> str:
    """*word*, which may be nothing. Raises UsageMistake where it is no card's name."""
    if word and not NAME.fullmatch(word):
        raise UsageMistake(f"`{word[:40]}` is not a card like `gfx1010`", hint="run `rocmswitch gpu`")
    return word or ""


def as_option(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str:
    """What checks an option --gpu, before anything is done."""
    return checked_card(value)
