"""Take away what ROCm by hand has left, each file saved by a recorded change, so that `undo` brings it back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import NotFound, Refused
from rocmswitch.host.leftovers import find_leftovers
from rocmswitch.model.deployment import Generation, Intent, NewFile, NoFile, Place, Replacement
from rocmswitch.model.leftover import BACKUP, FOLDER, LINES, Leftover
from rocmswitch.operations.access import check_rights
from rocmswitch.operations.ownlinks import place, replacement
from rocmswitch.planning.drift import uppermost
from rocmswitch.planning.leftovers import BACKUPS, ROW, line_id, remedy, removable, without_lines
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk, disk_errors

WAIT = 60.0


@dataclass(frozen=True)
class Broom:
    """What leftovers of one owner go by: the ledger of the user's own scope, or the driver's of a whole system."""

    layout: Layout
    ledger: Ledger
    disk: Disk
    line: str
    """The command line that was typed, with the program's whole path: for sudo."""
    wait: float = WAIT


def look(root: Path, home: Path | None, installed: Installed, ledger: Ledger) -> tuple[Leftover, ...]:
    """What `doctor` tells of. Backups that `deploy --adopt` has recorded in *ledger* are in good hands."""
    linked = [one.receipt.linked for one in installed.prefixes() if one.receipt.linked]
    found = find_leftovers(root, home, linked)
    if not any(one.kind == BACKUP for one in found):
        return found
    covered = {os.path.join(*spot) for spot in uppermost(ledger.generations())}  # noqa: PTH118  pairs of texts
    return tuple(one for one in found if one.kind != BACKUP or _library(one) not in covered)


def plan(found: Sequence[Leftover], wanted: str) -> tuple[Leftover, ...]:
    """Those of *found* that `--fix WANTED` takes away: `leftovers`, all that can be, `leftovers:PATH`, or
    `leftovers:PATH:LINE` of a start-up file.

    Raises NotFound, and Refused where what is named is not for a recorded change.
    """
    named = tuple(one for one in found if wanted in (ROW, f"{ROW}:{one.path}")) or _one_line(found, wanted)
    chosen = tuple(one for one in named if removable(one))
    if not named:
        raise NotFound(f"there is no finding `{wanted}` here", hint="run `rocmswitch doctor`")
    if not chosen:
        raise Refused(f"`{named[0].path}` is not for rocmswitch to remove: {remedy(named[0]).text}")
    return chosen


def _one_line(found: Sequence[Leftover], wanted: str) -> tuple[Leftover, ...]:
    lines = ((one, line) for one in found for line in one.lines)
    return tuple(replace(one, lines=(line,)) for one, line in lines if wanted == line_id(one, line.number))


def batches(chosen: Sequence[Leftover]) -> tuple[tuple[Leftover, ...], ...]:
    """What goes in one change each: the user's, then the machine's single files, then every folder by itself."""
    users = tuple(one for one in chosen if one.is_users and one.kind != FOLDER)
    roots = tuple(one for one in chosen if not one.is_users and one.kind != FOLDER)
    folders = tuple((one,) for one in chosen if one.kind == FOLDER)
    return tuple(one for one in (users, roots, *folders) if one)


def check(batch: Sequence[Leftover], broom: Broom) -> None:
    """Raise MachineLacks where this user may not remove it, and Refused where root should not."""
    base = broom.ledger.base
    paths = (path for one in batch for path in _paths(one, base))
    for folder in dict.fromkeys(path.parent for path in paths):
        check_rights(folder, broom.line)


def execute(batch: Sequence[Leftover], broom: Broom) -> Generation:
    """Remove all of *batch*, or nothing. Raises Busy, Refused where something has changed, MachineLacks.

    Folders stay, empty: a recorded change knows files and links, and `undo` puts them back where they were.
    """
    intent = Intent(ROW, _place(batch[0], broom), notes=tuple(f"removed `{one.path}`" for one in batch))
    drafts = broom.layout.drafts
    try:
        with disk_errors(broom.layout.data):
            replacements = [change for one in batch for change in _changes(one, broom, drafts)]
        return broom.ledger.carry_out(intent, replacements, wait=broom.wait)
    finally:
        with disk_errors(drafts):
            broom.disk.remove_tree(drafts)


def _changes(one: Leftover, broom: Broom, drafts: Path) -> Iterator[Replacement]:
    if one.kind == LINES:
        yield _rewritten(one, broom, drafts)
    elif one.is_users:
        yield from (replacement(path, NoFile()) for path in _paths(one, broom.ledger.base))
    else:
        for path in one.files if one.kind == FOLDER else (one.path.lstrip("/"),):
            yield Replacement("/", path, broom.ledger.seen(path), NoFile())


def _rewritten(one: Leftover, broom: Broom, drafts: Path) -> Replacement:
    """The start-up file without its lines; a link to one, as people keep them in a repository, stays a link."""
    target = Path(os.path.realpath(one.path))
    change = replacement(target, NoFile())
    text = target.read_bytes().decode("utf-8", "surrogateescape")
    lines = [line for line in one.lines if line.is_apart]
    try:
        content = without_lines(text, lines).encode("utf-8", "surrogateescape")
    except ValueError as error:
        raise Refused(f"`{one.path}` has changed meanwhile", hint="run the same command again") from error
    broom.disk.make_directories(drafts)
    draft = drafts / target.name
    broom.disk.replace_file(draft, content, 0o600)
    return Replacement(change.root, change.path, change.seen, NewFile(str(draft), len(content)))


def _paths(one: Leftover, base: Path) -> Iterator[Path]:
    """Where the files are, on this machine."""
    if one.kind == FOLDER:
        yield from ((Path("/") if one.is_users else base) / path for path in one.files)
    elif one.is_users:
        yield Path(os.path.realpath(one.path)) if one.kind == LINES else Path(one.path)
    else:
        yield base / one.path.lstrip("/")


def _place(one: Leftover, broom: Broom) -> Place:
    if one.is_users:
        return place("scope", ROW, Path(one.path).parent)
    return Place("driver", ROW, "/", "/", 0, 0)


def _library(backup: Leftover) -> str:
    return next(backup.path.removesuffix(end) for end in BACKUPS if backup.path.endswith(end))
