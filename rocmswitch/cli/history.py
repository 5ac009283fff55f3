"""rocmswitch history"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.driver_words import (
    check_no_root,
    driver_words,
    in_driver_words,
    is_driver,
    root_option,
    settle_driver_anyway,
    tell_quarantine,
)
from rocmswitch.cli.filenames import text_only
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import settle_anyway
from rocmswitch.cli.system_option import system_reading_option
from rocmswitch.errors import VerificationFailed
from rocmswitch.model.deployment import Generation, Step
from rocmswitch.model.printable import printable
from rocmswitch.operations import history
from rocmswitch.planning.drift import UNREADABLE, Outlook
from rocmswitch.planning.undoing import whole

_WIDE = 100
"""Columns of a terminal below which each change is told in fewer words, so that it has one line."""
_LONGEST_PLACE = {True: 40, False: 14}
"""Characters of a path in the table, where it is wide and where not; `--json` and a number show it whole."""


@click.command(epilog="Example: rocmswitch history myproj")
@click.argument("name", required=False)
@click.option("--check", is_flag=True, help="Read everything that was saved, and compare it with its hash.")
@root_option
@system_reading_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, name: str | None, check: bool, root: Path, as_json: bool) -> None:
    """List what was changed, and whether it still holds: all, or what NAME means.

    NAME is an environment's, a path, or a number, which shows each file; `driver` is what was changed of the kernel
    modules and their settings, `driver:3` each file of it. A change that was interrupted is taken back first.
    """
    if is_driver(name):
        _driver(scopes, name, root, check=check, as_json=as_json)
        return
    check_no_root(root)
    unsettled = settle_anyway(scopes)
    found = history.look(machine.ledger(scopes), name, machine.disk(), check=check)
    _tell(found, name, unsettled, as_json=as_json)


def _driver(scopes: Scopes, name: str | None, root: Path, *, check: bool, as_json: bool) -> None:
    number = (name or "").partition(":")[2] or None
    with driver_words(root):
        unsettled = settle_driver_anyway(scopes, root)
        found = history.look(machine.driver_ledger(root), number, machine.disk(), check=check)
        _tell(found, number, unsettled, as_json=as_json, words=lambda text: in_driver_words(text, root))
        if not as_json and number is None:
            tell_quarantine(root)


def _tell(
    found: history.History,
    name: str | None,
    unsettled: VerificationFailed | None,
    *,
    as_json: bool,
    words: Callable[[str], str] = str,
) -> None:
    """*words* makes commands such that they are about the same records."""
    if as_json:
        told = [*map(_as_json, found.outlooks), *map(_unreadable_as_json, found.unreadable)]
        output.write_json(text_only(told))
    elif found.outlooks:
        _show(found.outlooks, words)
    elif not found.unreadable:
        output.say("nothing was changed yet")
    if name and name.isdigit() and not as_json:
        _show_files(found.outlooks)
    if unsettled is not None:
        raise unsettled
    if found.unreadable:
        numbers = ", ".join(map(str, found.unreadable))
        raise VerificationFailed(
            f"the record of generation {numbers} cannot be read",
            hint=f"run `rocmswitch backup prune {found.unreadable[0]}` to let it go",
        )


def _show(outlooks: Sequence[Outlook], words: Callable[[str], str]) -> None:
    columns = ("No.", "When", "What", "Where", "Files", "State")
    wide = output.console(talk=False).width >= _WIDE
    output.table(columns, ([printable(cell) for cell in _row(one, wide=wide)] for one in outlooks))
    for one in outlooks:
        if one.remedies:
            ways = words(" or ".join(f"`rocmswitch {' '.join(way)}`" for way in one.remedies))
            detail = f"; {one.detail}" if one.detail else ""
            output.say(f"{one.generation.number}: {one.told} ({printable(_names(one.files))}{detail}): {ways}")


def _row(one: Outlook, *, wide: bool) -> Iterator[str]:
    generation, moment = one.generation, _local(one.generation.created)
    yield str(generation.number)
    yield moment if wide else moment[:10]
    yield f"{generation.intent.verb}{_about(generation)}"
    yield _short(generation.intent.place.name, wide=wide)
    yield _names([step.path for step in generation.steps], "{} and {} more" if wide else "{} +{}")
    yield one.told


def _short(place: str, *, wide: bool) -> str:
    """A long path by its end."""
    parts = place.split("/")
    end = "/".join(parts[-2 if wide else -1 :])
    return f"…/{end}" if len(place) > _LONGEST_PLACE[wide] and len(end) < len(place) - 1 else place


def _about(one: Generation) -> str:
    numbers = (one.intent.reverts,) if one.intent.reverts else one.intent.restores
    return f" {', '.join(map(str, numbers))}" if numbers else ""


def _names(paths: Sequence[str], several: str = "{} and {} more") -> str:
    """The first one's name, and how many more there are."""
    first = paths[0].rpartition("/")[2] if paths else ""
    return several.format(first, len(paths) - 1) if len(paths) > 1 else first


def _local(created: str) -> str:
    """In this machine's time zone, to the minute."""
    moment = datetime.fromisoformat(created.replace("Z", "+00:00"))  # Python 3.10 does not know the Z
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _show_files(outlooks: Sequence[Outlook]) -> None:
    for one in outlooks:
        for step in one.generation.steps:
            output.write(printable(whole(step.root, step.path)))
            output.write(printable(f"  before: {_state(step, before=True)}"))
            output.write(printable(f"  after: {_state(step, before=False)}"))
        if one.generation.intent.reason:
            output.write(printable(f"forced: {one.generation.intent.reason}"))
        for note in one.generation.intent.notes:
            output.write(printable(f"note: {note}"))


def _state(step: Step, *, before: bool) -> str:
    state = step.before if before else step.after
    if state.kind == "absent":
        return "nothing"
    if state.kind == "link":
        return f"a link to {state.target}"
    came = f" from {step.source}" if step.source and not before else ""
    return f"{output.size(state.size)}, SHA-256 {state.sha256}{came}"


def _as_json(one: Outlook) -> dict[str, object]:
    return {
        "number": one.generation.number,
        "state": one.state,
        "by": one.by or None,
        "files": list(one.files),
        "detail": one.detail,
        "remedies": [list(words) for words in one.remedies],
        **{key: value for key, value in asdict(one.generation).items() if key != "number"},
    }


def _unreadable_as_json(number: int) -> dict[str, object]:
    return {"number": number, "state": UNREADABLE, "remedies": [["backup", "prune", str(number)]]}
