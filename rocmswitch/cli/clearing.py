"""`rocmswitch doctor --fix`: what is left of ROCm by hand, or in the way, shown, agreed to, and taken away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rocmswitch.cli import machine, output
from rocmswitch.cli.driver_words import DRIVER, going_on, rest, tell_lacks
from rocmswitch.cli.filenames import files
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.typed import own_line
from rocmswitch.cli.wayback import SHOWN
from rocmswitch.errors import NotFound
from rocmswitch.model.deployment import Generation
from rocmswitch.model.kernel import System
from rocmswitch.model.leftover import FOLDER, LINES, Leftover
from rocmswitch.model.printable import printable
from rocmswitch.model.recovery import Lack
from rocmswitch.model.snapshot import BEFORE_CLEARING
from rocmswitch.operations import driver, leftovers, snapshot
from rocmswitch.operations.booting import renew
from rocmswitch.operations.leftovers import WAIT, Broom
from rocmswitch.operations.rootonly import check_mounted, option_of
from rocmswitch.planning.driverwork import Work, work_after
from rocmswitch.planning.leftovers import ROW, remedy, removable
from rocmswitch.store.layout import Layout

_SETTINGS = "/etc/modprobe.d/"
_AFTERWARDS = (
    ("/etc/ld.so.conf.d/", "run `sudo ldconfig` for the loader to know"),
    ("/etc/udev/rules.d/", "run `sudo udevadm control --reload` for udev to know"),
    ("/etc/apt/sources.list.d/", "run `sudo apt update` for apt to know"),
)


def carry_out(scopes: Scopes, found: Sequence[Leftover], fix: str, root: Path, *, yes: bool, dry_run: bool) -> None:
    """One recorded change after the other, each shown and agreed to; with *dry_run* only shown."""
    lacks: list[Lack] = []
    for batch in leftovers.batches(leftovers.plan(found, fix)):
        broom = _broom(scopes, root, is_users=batch[0].is_users)
        _show(batch, broom)
        if not batch[0].is_users:
            check_mounted(root)
        leftovers.check(batch, broom)
        lacks += _remove(batch, broom, root, yes=yes, dry_run=dry_run)
    for one in found if fix == ROW else ():
        if not removable(one):
            output.say(printable(f"`{one.path}` stays: {remedy(one, str(root)).text}"))
    tell_lacks(lacks)


def _remove(batch: Sequence[Leftover], broom: Broom, root: Path, *, yes: bool, dry_run: bool) -> Sequence[Lack]:
    """Where boot images hold what goes, they are made anew; what could not be is returned."""
    system = _system_of(batch, root)
    work = work_after([one.path.lstrip("/") for one in batch], system) if system else Work()
    if system:
        driver.check_changeable(system, with_images=bool(work.images))
    if work.images:
        output.say(f"makes the boot images of {', '.join(work.images)} anew, as they hold the settings, too")
    if dry_run:
        return ()
    output.agree("Remove it?" if len(batch) == 1 else "Remove them?", yes=yes)
    if system:
        snapshot.take(system, machine.driver_snapshots(root), BEFORE_CLEARING, broom.disk, wait=broom.wait)
    _tell(leftovers.execute(batch, broom), batch, root)
    if system is None:
        return ()
    with going_on(rest(root)):
        renewed = renew(system, work.index, work.images, broom.disk, lambda text: output.say(printable(text)))
    for line in renewed.done:
        output.say(printable(line))
    return renewed.lacks


def _broom(scopes: Scopes, root: Path, *, is_users: bool) -> Broom:
    wait = scopes.wait(WAIT)
    if is_users:
        return Broom(scopes.own, machine.ledger(scopes), machine.disk(), own_line(), wait)
    ledger = machine.driver_ledger(root)
    return Broom(Layout.driver(ledger.base), ledger, machine.disk(), own_line(), wait)


def _system_of(batch: Sequence[Leftover], root: Path) -> System | None:
    """The kernels that *batch* has a say in; None where it has none, or where there are no kernels."""
    if not any(one.path.startswith(_SETTINGS) for one in batch):
        return None
    try:
        return driver.look(root)
    except NotFound:
        return None


def _show(batch: Sequence[Leftover], broom: Broom) -> None:
    output.say(f"removes, and keeps in {printable(str(broom.layout.backups))}:")
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
    users = batch[0].is_users
    number = str(done.number) if users else f"{DRIVER}:{done.number}"
    elsewhere = "" if users else option_of(root)
    output.say(f"removed {files(len(done.steps))}, recorded as generation {number}")
    if batch[0].kind == FOLDER:
        output.say(printable(f"the folders of `{batch[0].path}` stay, empty, for `undo` to fill them again"))
    for start, advice in _AFTERWARDS:
        if any(one.path.startswith(start) for one in batch):
            output.say(advice)
    output.say(f"back: `rocmswitch undo {number}{elsewhere}`")
