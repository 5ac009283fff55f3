"""An activation as a Tcl modulefile, which Environment Modules and Lmod load and unload."""

from __future__ import annotations

from collections.abc import Iterator

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.shell.calls import SHELL_STATE, variable_name
from rocmswitch.shell.cards import grouped

FAMILY = "rocm"
"""The folder of the modulefiles: of what lies in one, one is loaded at a time."""
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


def module_name(prefix: str) -> str:
    """What `module load` calls a prefix: `rocm/6.2.4` for AMD's rocm-6.2.4, `rocm/debian-7.2.4` for another's."""
    return f"{FAMILY}/{prefix.removeprefix('rocm-')}"


def quote(value: str) -> str:
    """*value* as one word of Tcl. Raises UsageMistake for what Tcl, which reads text, would not give back."""
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise UsageMistake("a value holds bytes that are not UTF-8, which a modulefile cannot keep")
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    """Tcl's rule 9: `\\uHHHH` is one character; generic/tclParse.c joins two of them to a longer code point.

    As it is, Tcl 8.6 loses one that lies over the end of what it reads at a time.
    """
    if character in _PLAIN:
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _changes(activation: ResolvedActivation) -> Iterator[str]:
    for name in activation.unset:
        yield f"unsetenv {variable_name(name)}"
    for name, value in activation.variables:
        if name not in SHELL_STATE:
            yield f"setenv {variable_name(name)} {quote(value)}"
    for group in grouped(activation.cards):
        on_card = f"[rocmswitch_card {quote(' '.join(group.gpus))} {quote(group.profile)}]"
        lines = "; ".join(f"setenv {variable_name(name)} {quote(value)}" for name, value in group.variables)
        yield f"if {{{on_card}}} {{ {lines} }}"
    for name, folders in activation.paths:
        # What comes first is put there last.
        yield from (f"prepend-path {variable_name(name)} {quote(folder)}" for folder in reversed(folders))
