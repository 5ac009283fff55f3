"""Activation scripts for bash, zsh and POSIX shells: assignments through the functions of functions.sh."""

from __future__ import annotations

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.shell.calls import CALLS, calls


def render(name: str, activation: ResolvedActivation, functions: str) -> str:
    """A script that leaves what is active, then enters *name*.

    *functions* comes first: the text of functions.sh, for a script to be evaluated anywhere, or the line of
    `functions_from`, for one that is sourced and may end where the rest is for other machines' cards.
    """
    ends = "\n" not in functions.rstrip("\n")
    return "\n".join((functions.rstrip("\n"), *calls(name, activation, quote, ends=ends))) + "\n"


def functions_from(path: str) -> str:
    """The line that sources functions.sh at *path* where its functions are not there yet."""
    return f"case ${{_rocmswitch_loaded-}} in $$.{CALLS}) ;; *) \\. {quote(path)} ;; esac"


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
