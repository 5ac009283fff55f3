"""Activation scripts for bash, zsh and POSIX shells: assignments through the functions of functions.sh."""

from __future__ import annotations

import re

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import ResolvedActivation

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def render(activation: ResolvedActivation, functions: str) -> str:
    """A script to be sourced: leaves what was active, then enters. *functions* is the text of functions.sh."""
    lines = [functions, "rocmswitch_off"]
    lines += [f"_rocmswitch_set {_name(name)} {quote(value)}" for name, value in activation.variables]
    for name, folders in activation.paths:
        lines.append(f"_rocmswitch_prepend {_name(name)} {quote(':'.join(folders))}")
    lines.append("hash -r 2>/dev/null || :")
    return "\n".join(lines) + "\n"


def quote(value: str) -> str:
    """*value* as one word, byte for byte. Raises UsageMistake for NUL, which no shell can hold."""
    if "\0" in value:
        raise UsageMistake("a variable's value holds a NUL byte, which no shell can keep")
    return "'" + value.replace("'", "'\\''") + "'"


def _name(name: str) -> str:
    if not _NAME.match(name):
        raise UsageMistake(f"`{name[:80]}` is not the name of a variable")
    return name
