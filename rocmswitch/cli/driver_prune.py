"""`rocmswitch backup prune driver`: what changes of kernel modules have saved, and copies that lie beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from rocmswitch.cli import machine, output
from rocmswitch.cli.driver_words import driver_words, settle_driver
from rocmswitch.cli.filenames import text_only
from rocmswitch.cli.losses import show_bytes, show_losses, show_lost
from rocmswitch.cli.main import Scopes
from rocmswitch.errors import NotFound
from rocmswitch.model.kernel import System
from rocmswitch.model.printable import printable
from rocmswitch.operations import backup, driver, drivercopies, snapshot
from rocmswitch.operations.drivercopies import Shelf
from rocmswitch.operations.rootonly import check_mounted
from rocmswitch.planning.backup import PrunePlan
from rocmswitch.planning.drivercopies import IMAGE, Copy
from rocmswitch.store.bootcopy import FOLDER
from rocmswitch.system.disk import disk_errors
from rocmswitch.system.usage import usage


@dataclass(frozen=True)
class _Plan:
    """What changes have saved, and copies beside it; bytes."""

    changes: PrunePlan
    copies: tuple[Copy, ...]
    freed: int
    shared: int
    in_boot: int

    @property
    def is_empty(self) -> bool:
        return not self.changes.losses and all(one.kept for one in self.copies)

    def as_json(self) -> dict[str, object]:
        copies = [asdict(one) for one in self.copies]
        return {**self.changes.as_json(), "copies": copies, "freed": self.freed, "shared": self.shared}


def prune_driver(
    scopes: Scopes,
    numbers: Collection[int],
    root: Path,
    *,
    everything: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Numbers are those of changes: with any, nothing but what these have saved is let go of."""
    check_mounted(root)
    settle_driver(scopes, root, dry_run=dry_run)
    with driver_words(root), disk_errors(root):
        stock = backup.Stock(machine.driver_ledger(root), ())
        shelf = Shelf(root, machine.driver_snapshots(root), machine.disk())
        system, wait = None if numbers else _system(root), scopes.wait(snapshot.WAIT)
        if system and not dry_run and drivercopies.has_debris(shelf):
            drivercopies.execute((), shelf, system, everything=everything, wait=wait)
        plan = _plan(stock, numbers, shelf, system, everything=everything)
        if as_json:
            output.write_json(text_only(plan.as_json()))
        else:
            _show(plan)
        if dry_run or plan.is_empty:
            return
        output.agree("Let go of it, for good?", yes=yes)
        backup.execute(plan.changes, stock, wait)
        if system:
            drivercopies.execute(plan.copies, shelf, system, everything=everything, wait=wait)
    output.say(f"freed {output.size(plan.freed)}")


def _plan(
    stock: backup.Stock, numbers: Collection[int], shelf: Shelf, system: System | None, *, everything: bool
) -> _Plan:
    changes = backup.plan(stock, numbers, everything=everything, spared=backup.next_back(stock.ledger))
    elsewhere = backup.kept_hashes(stock, changes)
    copies = drivercopies.plan(shelf, system, elsewhere, everything=everything) if system else ()
    found = usage(drivercopies.frees(shelf, copies))
    images = usage(drivercopies.frees(shelf, [one for one in copies if one.kind == IMAGE]))
    return _Plan(changes, copies, changes.freed + found.freed, changes.shared + found.shared, images.freed)


def _system(root: Path) -> System | None:
    """None where there is no kernel, as in a container: what doctor has cleared away there is recorded, too."""
    with contextlib.suppress(NotFound):
        return driver.look(root)
    return None


def _show(plan: _Plan) -> None:
    show_losses(plan.changes)
    for one in plan.copies:
        name = printable(f"/{FOLDER}/{one.name}" if one.kind == IMAGE else one.name)
        called = f"{one.kind} {name} ({printable(one.about)})"
        if one.kept:
            output.say(f"keeps {called}: {printable(one.kept)}")
        else:
            otherwise = "it can be made anew" if one.kind == IMAGE else "what it holds is elsewhere, too"
            output.say(f"lets go of {called}:")
            show_lost(one.lost, f"nothing is lost: {otherwise}")
    if plan.is_empty:
        output.say("nothing was saved that could be let go of")
    else:
        show_bytes(plan.freed, plan.shared, plan.in_boot)
