"""The only module that prints. Stdout is data, stderr is talk; both make sense without colour."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

import click

from rocmswitch.errors import Refused, RocmswitchError

if TYPE_CHECKING:
    from rich.console import Console

_WIDEST = 160
"""Columns that definitions take, on a wide terminal and where there is none."""


def write(text: str) -> None:
    """A line of data."""
    print(_here(text))


def to_hook(descriptor: int, text: str) -> None:
    """What the shell is to evaluate, on the descriptor that its hook reads."""
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(text + "\n")


def write_json(value: object) -> None:
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))


def say(text: str) -> None:
    """A line of talk."""
    print(_here(text), file=sys.stderr)


def break_line() -> None:
    """Leave the line in which a terminal has just shown ^C."""
    if sys.stderr.isatty():
        print(file=sys.stderr)


def fail(error: RocmswitchError) -> None:
    """What happened, and the exact next command."""
    say(f"{click.style('error:', fg='red', bold=True) if _colour() else 'error:'} {_one_line(error.message)}")
    if error.hint:
        say(f"{click.style('hint:', fg='cyan', bold=True) if _colour() else 'hint:'} {_one_line(error.hint)}")


def agree(question: str, *, yes: bool) -> None:
    """Ask for consent. Raises Refused where the answer is no, or nobody is there to give one."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("this changes files and needs your consent", hint="run the same command with `--yes`")
    if not click.confirm(question, default=True, err=True):
        raise Refused("nothing was changed")


def definitions(rows: Iterable[tuple[str, str]]) -> None:
    """Two columns, the second one wrapped: names and what is to say of them.

    Lines end between words alone, so that addresses, names of packages and evidence can be copied.
    """
    import shutil
    import textwrap

    told = list(rows)
    width = max(min(shutil.get_terminal_size().columns, _WIDEST) - 2, 50) if sys.stdout.isatty() else _WIDEST
    first = min(max((len(name) for name, _ in told), default=0), 30) + 2
    for name, text in told:
        lines = textwrap.wrap(text, max(width - first - 2, 10), break_long_words=False, break_on_hyphens=False)
        if lines and len(name) > first - 2:
            lines.insert(0, "")
        for number, line in enumerate(lines or [""]):
            print(f"{'' if number else name:{first}}{line}".rstrip())


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, talk: bool = False) -> None:
    """A table, the last column to the right where its head is `Size`.

    Where it is too wide, names, in the first column, stay in one line as long as they leave half of it to the rest.
    """
    from rich import box
    from rich.table import Table

    rows, where = tuple(rows), console(talk=talk)
    names = max(len(row[0]) for row in (columns, *rows))
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        is_whole = number == 0 and names <= where.width // 2
        justify: Literal["right", "left"] = "right" if column == "Size" else "left"
        shown.add_column(column, justify=justify, overflow="fold", no_wrap=is_whole)
    for row in rows:
        shown.add_row(*row)
    where.print(shown)


def console(*, talk: bool = True) -> Console:
    """Rich's console on stderr, or on stdout for data; off a terminal as wide as a log may be."""
    from rich.console import Console

    stream = sys.stderr if talk else sys.stdout
    return Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else 120)


def waiting(text: str) -> AbstractContextManager[object]:
    """Show on a terminal, while it lasts, that something is done that may take a while."""
    return console().status(text) if sys.stderr.isatty() else nullcontext()


def size(count: int) -> str:
    """Bytes for people: `88.7 MB`, powers of ten as disks and downloads are sold."""
    from rich.filesize import decimal

    return decimal(count)


def counted(number: int, noun: str) -> str:
    """`1 package`, `2 packages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _here(text: str) -> str:
    """Only a command for root, or a line about what all users share, lets other ones be typed than *text* has."""
    if "`sudo rocmswitch " not in text and "--system" not in sys.argv:
        return text
    from rocmswitch.cli.typed import here, shared

    return shared(here(text))


def _one_line(text: str) -> str:
    """Names of files are part of errors, and may hold what a terminal obeys."""
    return "".join("\N{REPLACEMENT CHARACTER}" if one < " " or "\x7f" <= one <= "\x9f" else one for one in text)


def _colour() -> bool:
    from os import environ

    return sys.stderr.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
