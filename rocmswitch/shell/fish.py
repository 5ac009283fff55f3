"""Activation scripts for fish: assignments through the functions of functions.fish."""

from __future__ import annotations

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.shell.calls import CALLS, calls


def render(name: str, activation: ResolvedActivation, functions: str) -> str:
    """A script to be sourced: leaves what is active, then enters *name*.

    *functions* comes first: the text of functions.fish, or the line of `functions_from`.
    """
    return "\n".join((functions.rstrip("\n"), *calls(name, activation, quote))) + "\n"


def functions_from(path: str) -> str:
    """The line that sources functions.fish at *path* where its functions are not there yet."""
    return f"functions -q _rocmswitch_calls_{CALLS}; or source {quote(path)}"


def enter(script: str, *, gpu: str = "", profile: str = "") -> str:
    """What a shell evaluates to enter by *script*, as if its card were *gpu*."""
    state = (("why", "use"), ("gpu", gpu), ("profile", profile))
    return "; ".join((*(f"set -g _rocmswitch_{key} {quote(value)}" for key, value in state), _source(script)))


def follow(otherwise: str) -> str:
    """What fish evaluates so that its project decides, whatever `use` said; without a hook, *otherwise*."""
    function = "_rocmswitch_choose_nothing"
    return f"if functions -q {function}; {function}; else; {otherwise}; end"


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
