"""Activation scripts for bash, zsh and POSIX shells: assignments through the functions of functions.sh."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import CardVariable, ResolvedActivation

SHELL_STATE = ("ROCMSWITCH_ACTIVE", "ROCMSWITCH_WHY")
"""What `_rocmswitch_begin` sets itself: receipts of earlier versions list the first among their variables."""

_ENVIRONMENT = ("VIRTUAL_ENV", "UV_CONSTRAINT")
"""What every environment sets: shells have a quicker way for all that most of them change."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def render(name: str, activation: ResolvedActivation, functions: str) -> str:
    """A script that leaves what is active, then enters *name*.

    *functions* comes first: the text of functions.sh, for a script to be evaluated anywhere, or the line of
    `functions_from`, for one that is sourced and may end where the rest is for other machines' cards.
    """
    lines = [functions.rstrip("\n"), *_changes(name, activation)]
    cards = _cards(activation.cards)
    if cards and "\n" not in lines[0]:
        lines.append(f"_rocmswitch_has_card {_gpus(activation.cards)} || {{ _rocmswitch_end; return 0; }}")
    return "\n".join((*lines, *cards, "_rocmswitch_end")) + "\n"


def functions_from(path: str) -> str:
    """The line that sources functions.sh at *path* where its functions are not there yet."""
    return f"case ${{_rocmswitch_loaded-}} in $$) ;; *) \\. {quote(path)} ;; esac"


def enter(script: str, *, gpu: str = "", profile: str = "") -> str:
    """What a shell evaluates to enter by *script*, as if its card were *gpu*."""
    state = (("why", "use"), ("gpu", gpu), ("profile", profile))
    return " ".join(f"_rocmswitch_{key}={quote(value)}" for key, value in state) + f"; \\. {quote(script)}"


def follow(otherwise: str) -> str:
    """What a shell evaluates so that its project decides, whatever `use` said; without a hook, *otherwise*."""
    function = "_rocmswitch_choose_nothing"
    return f"if \\command -v {function} >/dev/null; then {function}; else {otherwise}; fi"


def leave() -> str:
    """What a shell evaluates to leave. Harmless where nothing was ever entered."""
    return _where_defined("rocmswitch_off")


def no_stack() -> str:
    """What a shell evaluates to have no stack, whatever a project or the default says."""
    return _where_defined("_rocmswitch_enter_system")


def quote(value: str) -> str:
    """*value* as one word, byte for byte. Raises UsageMistake for NUL, which no shell can hold."""
    if "\0" in value:
        raise UsageMistake("a variable's value holds a NUL byte, which no shell can keep")
    return "'" + value.replace("'", "'\\''") + "'"


def _where_defined(function: str) -> str:
    return f"if \\command -v {function} >/dev/null; then {function}; fi"


def _changes(name: str, activation: ResolvedActivation) -> Iterator[str]:
    own = {name: value for name, value in activation.variables if name not in SHELL_STATE}
    paths = {name: ":".join(folders) for name, folders in activation.paths}
    if "PATH" in paths and own.keys() >= set(_ENVIRONMENT) and activation.unset == ("PYTHONHOME",):
        words = (name, *(own.pop(one) for one in _ENVIRONMENT), paths.pop("PATH"))
        yield f"_rocmswitch_environment {' '.join(map(quote, words))}"
    else:
        yield f"_rocmswitch_begin {quote(name)}"
        for one in activation.unset:
            yield f"_rocmswitch_unset {_name(one)}"
    if own:
        yield f"_rocmswitch_set {_assignments(own.items())}"
    for one, folders in paths.items():
        yield f"_rocmswitch_prepend {_name(one)} {quote(folders)}"


def _cards(cards: Iterable[CardVariable]) -> list[str]:
    return [
        f"_rocmswitch_card {quote(' '.join(gpus))} {quote(profile)} {assignments}"
        for (profile, assignments), gpus in _alike(cards).items()
    ]


def _gpus(cards: Sequence[CardVariable]) -> str:
    """Two words: the cards for which something is to be set, and those of profiles."""
    always = dict.fromkeys(one.gpu for one in cards if not one.profile)
    chosen = dict.fromkeys(one.gpu for one in cards if one.profile)
    return f"{quote(' '.join(always))} {quote(' '.join(chosen))}"


def _alike(cards: Iterable[CardVariable]) -> dict[tuple[str, str], list[str]]:
    """The cards for which the same is to be set, those of a profile last: what comes later wins.

    Few lines: a shell needs longer to read one than to carry it out.
    """
    of_card: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in sorted(cards, key=lambda card: bool(card.profile)):
        of_card.setdefault((one.profile, one.gpu), []).append((one.name, one.value))
    alike: dict[tuple[str, str], list[str]] = {}
    for (profile, gpu), own in of_card.items():
        alike.setdefault((profile, _assignments(own)), []).append(gpu)
    return alike


def _assignments(pairs: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"{_name(name)} {quote(value)}" for name, value in pairs)


def _name(name: str) -> str:
    if not _NAME.match(name):
        raise UsageMistake(f"`{name[:80]}` is not the name of a variable")
    return name
