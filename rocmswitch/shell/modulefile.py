"""An activation as a Tcl modulefile, which Environment Modules and Lmod load and unload."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import CardVariable, ResolvedActivation

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=+-,@%^ ")


def render(name: str, activation: ResolvedActivation, procedures: str) -> str:
    """The modulefile of *name*. *procedures* is the text of modulefile.tcl: it finds the card and other ROCms."""
    what = f"ROCm stack {name}, installed by rocmswitch"
    lines = [
        "#%Module1.0",
        f"# {what}. Load it: module load FOLDER/NAME",
        f"module-whatis {quote(what)}",
        f"proc ModulesHelp {{ }} {{ puts stderr {quote(what)} }}",
        procedures.rstrip("\n"),
        f"setenv ROCMSWITCH_ACTIVE {quote(name)}",
        "setenv ROCMSWITCH_WHY module",
        *_changes(activation),
    ]
    return "\n".join(lines) + "\n"


def quote(value: str) -> str:
    """*value* as one word of Tcl. Raises UsageMistake for what Tcl, which reads text, would not give back."""
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise UsageMistake("a value holds bytes that are not UTF-8, which a modulefile cannot keep")
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    """Tcl's rule 9: `\\uHHHH` is one character; up to four digits, so that longer code points go as they are."""
    if character in _PLAIN or ord(character) > 0xFFFF:
        return character
    return f"\\u{ord(character):04x}"


def _changes(activation: ResolvedActivation) -> Iterator[str]:
    for name in activation.unset:
        yield f"unsetenv {_name(name)}"
    for name, value in activation.variables:
        if name not in ("ROCMSWITCH_ACTIVE", "ROCMSWITCH_WHY"):
            yield f"setenv {_name(name)} {quote(value)}"
    for card in sorted(activation.cards, key=_has_profile):
        on_card = f"[rocmswitch_card {quote(card.gpu)} {quote(card.profile)}]"
        yield f"if {{{on_card}}} {{ setenv {_name(card.name)} {quote(card.value)} }}"
    for name, folders in activation.paths:
        # What comes first is put there last.
        yield from (f"prepend-path {_name(name)} {quote(folder)}" for folder in reversed(folders))


def _has_profile(card: CardVariable) -> bool:
    return bool(card.profile)


def _name(name: str) -> str:
    if not _NAME.match(name):
        raise UsageMistake(f"`{name[:80]}` is not the name of a variable")
    return name
