"""`rocmswitch doctor --fix leftovers`: what is left of ROCm by hand, shown, agreed to, and taken away."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rocmswitch.cli import machine, output
from rocmswitch.cli.deploying import own_line
from rocmswitch.cli.filenames import files, printable
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.wayback import SHOWN
from rocmswitch.model.deployment import Generation
from rocmswitch.model.leftover import FOLDER, LINES, Leftover
from rocmswitch.operations import leftovers
from rocmswitch.operations.leftovers import WAIT, Broom
from rocmswitch.planning.leftovers import ROW, remedy, removable
from rocmswitch.store.layout import Layout

_AFTERWARDS = (
    (
        "/etc/modprobe.d/",
        "boot images may hold it still: run `rocmswitch recover` to see, and to have them made anew",
    ),
    ("/etc/ld.so.conf.d/", "run `sudo ldconfig` for the loader to know"),
    ("/etc/udev/rules.d/", "run `sudo udevadm control --reload` for udev to know"),
    ("/etc/apt/sources.list.d/", "run `sudo apt update` for apt to know"),
)


def is_meant(fix: str) -> bool:
    """Whether `--fix FIX` is about leftovers."""
    return fix.partition(":")[0] == ROW


def carry_out(scopes: Scopes, found: Sequence[Leftover], fix: str, root: Path, *, yes: bool) -> None:
    """One recorded change after the other, each shown and agreed to."""
    chosen = leftovers.plan(found, fix)
    for batch in leftovers.batches(chosen):
        broom = _broom(scopes, root, is_users=batch[0].is_users)
        _show(batch, broom)
        leftovers.check(batch, broom)
        output.agree("Remove it?" if len(batch) == 1 else "Remove them?", yes=yes)
        _tell(leftovers.execute(batch, broom), batch, root)
    if fix == ROW:
        for one in found:
            if not removable(one):
                output.say(printable(f"`{one.path}` stays: {remedy(one).text}"))


def _broom(scopes: Scopes, root: Path, *, is_users: bool) -> Broom:
    wait = scopes.wait(WAIT)
    if is_users:
        return Broom(scopes.own, machine.ledger(scopes), machine.disk(), own_line(), wait)
    ledger = machine.driver_ledger(root)
    return Broom(Layout.driver(ledger.base), ledger, machine.disk(), own_line(), wait)


def _show(batch: Sequence[Leftover], broom: Broom) -> None:
    output.say(f"removes what is left of ROCm by hand, and keeps it in {printable(str(broom.layout.backups))}:")
    for one in batch:
        if one.kind == LINES:
            output.say(printable(f"  {one.path}: these lines, {one.why}"))
            for line in one.lines:
                stays = "" if line.is_apart else "  (stays: it does something else, too)"
                output.say(printable(f"    {line.number}: {line.text}{stays}"))
        else:
            count = f"{files(len(one.files))}, " if one.kind == FOLDER else ""
            output.say(printable(f"  {one.path}: {count}{output.size(one.size)}; {one.why}"))
            for path in one.files[:SHOWN]:
                output.say(printable(f"    /{path}"))
            if len(one.files) > SHOWN:
                output.say(f"    and {len(one.files) - SHOWN} more")


def _tell(done: Generation, batch: Sequence[Leftover], root: Path) -> None:
    number, elsewhere = str(done.number), ""
    if not batch[0].is_users:
        number = f"driver:{done.number}"
        elsewhere = "" if root == Path("/") else f" --root {shlex.quote(str(root))}"
    output.say(f"removed {files(len(done.steps))}, recorded as generation {number}")
    if batch[0].kind == FOLDER:
        output.say(printable(f"the folders of `{batch[0].path}` stay, empty, for `undo` to fill them again"))
    for start, advice in _AFTERWARDS:
        if any(one.path.startswith(start) for one in batch):
            output.say(advice)
    output.say(f"back: `rocmswitch undo {number}{elsewhere}`")
