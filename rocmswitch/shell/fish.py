"""Activation scripts for fish: assignments through the functions of functions.fish."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import CardVariable, ResolvedActivation

SHELL_STATE = ("ROCMSWITCH_ACTIVE", "ROCMSWITCH_WHY")
"""What `_rocmswitch_begin` sets itself: receipts of earlier versions list the first among their variables."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def render(name: str, activation: ResolvedActivation, functions: str) -> str:
    """A script to be sourced: leaves what is active, then enters *name*.

    *functions* comes first: the text of functions.fish, or the line of `functions_from`.
    """
    lines = [functions.rstrip("\n"), f"_rocmswitch_begin {quote(name)}", *_changes(activation), "_rocmswitch_end"]
    return "\n".join(lines) + "\n"


def functions_from(path: str) -> str:
    """The line that sources functions.fish at *path* where its functions are not there yet."""
    return f"functions -q _rocmswitch_begin; or source {quote(path)}"


def enter(script: str, *, gpu: str = "", profile: str = "") -> str:
    """What a shell evaluates to enter by *script*, as if its card were *gpu*."""
    state = (("why", "use"), ("gpu", gpu), ("profile", profile))
    return "; ".join((*(f"set -g _rocmswitch_{key} {quote(value)}" for key, value in state), _source(script)))


def leave() -> str:
    """What a shell evaluates to leave. Harmless where nothing was ever entered."""
    return "functions -q rocmswitch_off; and rocmswitch_off; or true"


def no_stack() -> str:
    """What a shell evaluates to have no stack, whatever a project or the default says."""
    return "functions -q _rocmswitch_enter_system; and _rocmswitch_enter_system; or true"


def quote(value: str) -> str:
    """*value* as one word, byte for byte. Raises UsageMistake for NUL, which no shell can hold."""
    if "\0" in value:
        raise UsageMistake("a variable's value holds a NUL byte, which no shell can keep")
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _source(script: str) -> str:
    return f"source {quote(script)}"


def _changes(activation: ResolvedActivation) -> Iterator[str]:
    for name in activation.unset:
        yield f"_rocmswitch_unset {_name(name)}"
    for name, value in activation.variables:
        if name not in SHELL_STATE:
            yield f"_rocmswitch_set {_name(name)} {quote(value)}"
    for card in sorted(activation.cards, key=_without_profile_first):
        what = f"{quote(card.gpu)} {quote(card.profile)} {_name(card.name)} {quote(card.value)}"
        yield f"_rocmswitch_card {what}"
    for name, folders in activation.paths:
        yield f"_rocmswitch_prepend {_name(name)} {quote(':'.join(folders))}"


def _without_profile_first(card: CardVariable) -> bool:
    """A profile's value takes the place of the one that holds without a profile."""
    return bool(card.profile)


def _name(name: str) -> str:
    if not _NAME.match(name):
        raise UsageMistake(f"`{name[:80]}` is not the name of a variable")
    return name
