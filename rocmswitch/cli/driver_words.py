"""What a command says that works on the driver's records of a system: `undo driver:3 --root /mnt`, not `undo 3`."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import WAIT
from rocmswitch.cli.typed import own_line
from rocmswitch.errors import INTERRUPTED, RocmswitchError, VerificationFailed
from rocmswitch.model.printable import printable
from rocmswitch.model.recovery import Lack
from rocmswitch.operations.rootonly import check_mounted, check_reading, option_of
from rocmswitch.store.layout import Layout

DRIVER = "driver"
_NO_ROOM = "run `rocmswitch cache prune`"
"""What is said of a full disk, and helps nobody here: a cache is in somebody's home."""
_COMMAND = re.compile(r"`rocmswitch (history|undo|backup prune)( (\d+))?`")


def is_driver(name: str | None) -> bool:
    """Whether *name* means the driver's records, not an environment."""
    return name is not None and re.fullmatch(rf"{DRIVER}(:[1-9]\d*)?", name) is not None


@dataclass(frozen=True)
class Word:
    """Which change is meant: `number` is None for the newest, or all of them."""

    is_driver: bool
    number: int | None


def change_word(ctx: click.Context, param: click.Parameter, value: str | None) -> Word | None:
    """`3`, `driver` or `driver:3`, for an argument's callback."""
    if value is None:
        return None
    first, colon, rest = value.partition(":")
    is_driver = first == DRIVER and bool(rest) is bool(colon)
    number = rest if is_driver else value
    return Word(is_driver, click.IntRange(min=1)(number, param, ctx) if number or not is_driver else None)


def change_words(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> tuple[Word, ...]:
    """Several of them, all of one kind."""
    words = tuple(word for value in values if (word := change_word(ctx, param, value)) is not None)
    if len({word.is_driver for word in words}) > 1:
        raise click.BadParameter(f"changes of the {DRIVER} are named without others", ctx, param)
    return words


def root_option(command: Callable[..., None]) -> Callable[..., None]:
    """`--root DIR`, as an absolute folder without a link in it."""
    folder = click.Path(exists=True, file_okay=False, readable=False, resolve_path=True, path_type=Path)
    told = "The folder where the system is mounted, if it is not the one that runs."
    return click.option("--root", type=folder, default=Path("/"), metavar="DIR", help=told)(command)


def check_no_root(root: Path) -> None:
    """Raise click's error where `--root` says nothing: the changes of an environment lie in nobody's system."""
    if root != Path("/"):
        raise click.UsageError(f"'--root' goes with '{DRIVER}' or '{DRIVER}:N'")


def in_driver_words(text: str, root: Path) -> str:
    """The commands in *text* as they have to be typed for the records of the driver of *root*."""

    if text == _NO_ROOM:
        return "make room there, then run the same command again"

    def command(match: re.Match[str]) -> str:
        number = f":{match[3]}" if match[3] else ""
        return f"`rocmswitch {match[1]} {DRIVER}{number}{option_of(root)}`"

    return _COMMAND.sub(command, text)


@dataclass(frozen=True)
class _Told:
    hint: str | None


@contextlib.contextmanager
def driver_words(root: Path) -> Iterator[None]:
    """Hints of errors that come from the records, which know no word of their own, become those of the driver."""
    try:
        yield
    except RocmswitchError as error:
        told = _Told(in_driver_words(error.hint, root) if error.hint else None)
        if told.hint == error.hint:
            raise
        raise type(error)(error.message, hint=told.hint) from error


def tell_lacks(lacks: Sequence[Lack]) -> None:
    """What could not be made anew, with the line that does it. Raises VerificationFailed where there is any."""
    for one in lacks:
        output.say(printable(f"left: {one.what}"))
        output.say(printable(f"  {one.remedy}"))
    if lacks:
        raise VerificationFailed("the files are changed, but the next boot would not find all that it needs")


@contextlib.contextmanager
def going_on(way: str) -> Iterator[None]:
    """Say, where Ctrl-C stops what follows a change of files, *way* how the rest is done: a clause for people."""
    try:
        yield
    except KeyboardInterrupt:
        output.break_line()
        output.say(f"interrupted: an index or a boot image may be older than the files; {way}")
        raise SystemExit(INTERRUPTED) from None


def rest(root: Path) -> str:
    """What finds out what an interrupted change has left to be done."""
    return f"`sudo rocmswitch recover{option_of(root)}` says which"


def settle_driver(scopes: Scopes, root: Path, *, dry_run: bool) -> None:
    """Take back a change of the driver that was broken off, and say so; with *dry_run* only that it is pending."""
    ledger = machine.driver_ledger(root)
    if dry_run:
        if ledger.is_interrupted:
            output.say(f"a change was interrupted: `rocmswitch history {DRIVER}{option_of(root)}` takes it back")
        return
    with driver_words(root):
        intent = ledger.settle(wait=scopes.wait(WAIT))
    if intent is not None:
        output.say(f"took back a change that was interrupted: {intent.verb} {DRIVER}")


def settle_driver_anyway(scopes: Scopes, root: Path) -> VerificationFailed | None:
    """As `settle_driver`, but sets a journal aside that cannot be read. Gives the error to be raised in the end."""
    check_mounted(root)
    check_reading(Layout.driver(root).data, own_line())
    try:
        settle_driver(scopes, root, dry_run=os.geteuid() != 0)
    except VerificationFailed as error:
        aside = machine.driver_ledger(root).set_aside(wait=scopes.wait(WAIT))
        settle_driver(scopes, root, dry_run=False)
        if aside is not None:
            return VerificationFailed(
                f"{error.message}, so nothing was taken back; all it has saved is kept",
                hint=f"run `rocmswitch history {aside.number}` for what may be half-changed",
            )
    return None


def tell_quarantine(root: Path) -> None:
    """What recover.sh has put away: it keeps no journal, and says in each folder how a file is put back."""
    folder = Layout.driver(root).quarantine
    if folder.is_dir():
        for one in sorted(path for path in folder.iterdir() if path.is_dir()):
            output.say(f"recover.sh has put files away in {printable(str(one))}")
