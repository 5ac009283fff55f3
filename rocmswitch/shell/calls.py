"""What every dialect's script is made of: calls of the functions that its shell defines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.shell.cards import grouped

SHELL_STATE = ("ROCMSWITCH_ACTIVE", "ROCMSWITCH_WHY")
"""What `_rocmswitch_begin` sets itself: receipts of earlier versions list the first among their variables."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def calls(name: str, activation: ResolvedActivation, quote: Callable[[str], str]) -> Iterator[str]:
    """The lines that leave what is active, then enter *name*; *quote* makes one word of a value."""
    yield f"_rocmswitch_begin {quote(name)}"
    for variable in activation.unset:
        yield f"_rocmswitch_unset {variable_name(variable)}"
    own = [one for one in activation.variables if one[0] not in SHELL_STATE]
    if own:
        yield f"_rocmswitch_set {_words(own, quote)}"
    for group in grouped(activation.cards):
        gpus = quote(" ".join(group.gpus))
        yield f"_rocmswitch_card {gpus} {quote(group.profile)} {_words(group.variables, quote)}"
    for variable, folders in activation.paths:
        yield f"_rocmswitch_prepend {variable_name(variable)} {quote(':'.join(folders))}"
    yield "_rocmswitch_end"


def variable_name(text: str) -> str:
    """*text* where it may stand as a variable's name, unquoted. Raises UsageMistake."""
    if not _NAME.match(text):
        raise UsageMistake(f"`{text[:80]}` is not the name of a variable")
    return text


def _words(variables: Iterable[tuple[str, str]], quote: Callable[[str], str]) -> str:
    return " ".join(f"{variable_name(name)} {quote(value)}" for name, value in variables)
