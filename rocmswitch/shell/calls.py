"""What every dialect's script is made of: calls of the functions that its shell defines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.shell.cards import CardGroup, grouped

SHELL_STATE = ("ROCMSWITCH_ACTIVE", "ROCMSWITCH_WHY")
"""What `_rocmswitch_begin` sets itself: receipts of earlier versions list the first among their variables."""

CALLS = 1
"""Which functions scripts call, and how: as functions.sh and functions.fish say it themselves."""

_Quote = Callable[[str], str]
"""Makes one word of a value."""


def calls(name: str, activation: ResolvedActivation, quote: _Quote, *, ends: bool = False) -> Iterator[str]:
    """The lines that leave what is active, then enter *name*.

    *ends* for a script that is sourced, and may return before what is for other machines' cards: a shell needs
    longer to read a line than to carry it out.
    """
    groups = grouped(activation.cards)
    variables = {key: value for key, value in activation.variables if key not in SHELL_STATE}
    paths = {key: ":".join(folders) for key, folders in activation.paths}
    cards = f" {_gpus(groups, quote)}" if groups and ends else ""
    folder = variables.get("VIRTUAL_ENV", "")
    usual = {"VIRTUAL_ENV": folder, "UV_CONSTRAINT": f"{folder}/constraints.txt"}
    if variables == usual and paths == {"PATH": f"{folder}/bin"} and activation.unset == ("PYTHONHOME",):
        call = f"_rocmswitch_environment {quote(name)} {quote(folder)}{cards}"
        yield f"{call} || return 0" if cards else call
    else:
        yield f"_rocmswitch_begin {quote(name)}"
        yield from (f"_rocmswitch_unset {variable_name(one)}" for one in activation.unset)
        if variables:
            yield f"_rocmswitch_set {_words(variables.items(), quote)}"
        yield from (f"_rocmswitch_prepend {variable_name(one)} {quote(dirs)}" for one, dirs in paths.items())
        if cards:
            yield f"_rocmswitch_has_card{cards} || {{ _rocmswitch_end; return 0; }}"
    for group in groups:
        gpus = quote(" ".join(group.gpus))
        yield f"_rocmswitch_card {gpus} {quote(group.profile)} {_words(group.variables, quote)}"
    yield "_rocmswitch_end"


def variable_name(text: str) -> str:
    """*text* where it may stand as a variable's name, unquoted. Raises UsageMistake."""
    if not (text.isascii() and text.isidentifier()):
        raise UsageMistake(f"`{text[:80]}` is not the name of a variable")
    return text


def _gpus(groups: Iterable[CardGroup], quote: _Quote) -> str:
    """Two words: the cards for which something is always to be set, and those of profiles."""
    always = dict.fromkeys(gpu for group in groups if not group.profile for gpu in group.gpus)
    chosen = dict.fromkeys(gpu for group in groups if group.profile for gpu in group.gpus)
    return f"{quote(' '.join(always))} {quote(' '.join(chosen))}"


def _words(variables: Iterable[tuple[str, str]], quote: _Quote) -> str:
    return " ".join(f"{variable_name(name)} {quote(value)}" for name, value in variables)
