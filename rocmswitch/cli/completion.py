"""What a shell offers after Tab besides commands and options: the names of stacks and environments.

Only a process that a shell has started to complete a line imports this.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from rocmswitch.planning.naming import AMD
from rocmswitch.store.catalog import Catalog, shipped_manifests
from rocmswitch.store.layout import Layout, readable

Names = Callable[[], Iterator[str]]


class NameType(StringParamType):
    """A word that may be one of *names*; any other is accepted too."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        names = dict.fromkeys(self._names())
        if incomplete[:1].isdigit():  # a bare version means AMD's
            names |= dict.fromkeys(name.removeprefix(f"{AMD}-") for name in names)
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class CommandType(StringParamType):
    """A program and its words: what the shell itself would complete."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


def offer_names(name: str, command: click.Command) -> None:
    """Let the arguments of *command*, which is called *name*, know what may stand there."""
    if isinstance(command, click.Group):
        for word, below in command.commands.items():
            offer_names(f"{name} {word}", below)
    for parameter in command.params:
        offered = _OFFERED.get((name, parameter.name or ""))
        if offered is not None:
            parameter.type = offered


def _environments() -> Iterator[str]:
    for layout in _layouts():
        yield from _links(layout.venvs)


def _prefixes() -> Iterator[str]:
    for layout in _layouts():
        yield from _links(layout.prefixes)


def _deployable() -> Iterator[str]:
    yield from _environments()
    yield "user"


def _changed() -> Iterator[str]:
    yield from _places()
    yield "default"


def _places() -> Iterator[str]:
    yield from _deployable()
    yield from _prefixes()


def _available() -> Iterator[str]:
    yield from Catalog(shipped_manifests(), tuple(layout.manifests for layout in _layouts())).names()


def _installed() -> Iterator[str]:
    yield from _prefixes()
    yield from _environments()


def _known() -> Iterator[str]:
    yield from _prefixes()
    yield from _available()


def _usable() -> Iterator[str]:
    yield from _installed()
    yield from _available()
    yield "system"


def _layouts() -> tuple[Layout, ...]:
    return readable(os.environ)


def _links(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_symlink() and path.name[0] != ".")
    except OSError:  # not there, or not ours to read: nothing to offer
        return []


_OFFERED: dict[tuple[str, str], StringParamType] = {
    ("use", "target"): NameType(_usable),
    ("use", "venv"): NameType(_environments),
    ("install", "name"): NameType(_available),
    ("show", "name"): NameType(_known),
    ("which", "target"): NameType(_installed),
    ("run", "target"): NameType(_installed),
    ("run", "words"): CommandType(),
    ("env", "target"): NameType(_installed),
    ("verify", "name"): NameType(_installed),
    ("repair", "name"): NameType(_installed),
    ("remove", "name"): NameType(_installed),
    ("doctor", "name"): NameType(_installed),
    ("venv remove", "name"): NameType(_environments),
    ("deploy", "files"): CommandType(),
    ("deploy", "into"): NameType(_places),
    ("deploy", "adopt"): NameType(_deployable),
    ("deploy", "stack"): NameType(_prefixes),
    ("restore", "venv"): NameType(_deployable),
    ("history", "name"): NameType(_changed),
    ("probe", "venv"): NameType(_environments),
}
