"""`rocmswitch backup prune driver`: what changes of kernel modules have saved, and copies that lie beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import asdict
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
        ledger = machine.driver_ledger(root)
        stock = backup.Stock(ledger, ())
        plan = backup.plan(stock, numbers, everything=everything, spared=backup.next_back(ledger))
        shelf = Shelf(root, machine.driver_snapshots(root), machine.disk())
        system, wait = None if numbers else _system(root), scopes.wait(snapshot.WAIT)
        if system and not dry_run and drivercopies.has_debris(shelf):
            drivercopies.execute((), shelf, system, everything=everything, wait=wait)
        elsewhere = backup.kept_hashes(stock, plan)
        copies = drivercopies.plan(shelf, system, elsewhere, everything=everything) if system else ()
        found = usage(drivercopies.frees(shelf, copies))
        freed, shared = plan.freed + found.freed, plan.shared + found.shared
        if as_json:
            told = {**plan.as_json(), "copies": [asdict(one) for one in copies], "freed": freed, "shared": shared}
            output.write_json(text_only(told))
        else:
            _show(plan, copies)
        is_empty = not plan.losses and all(one.kept for one in copies)
        if not as_json and not is_empty:
            images = [one for one in copies if one.kind == IMAGE]
            show_bytes(freed, shared, usage(drivercopies.frees(shelf, images)).freed)
        if dry_run or is_empty:
            return
        output.agree("Let go of it, for good?", yes=yes)
        backup.execute(plan, stock, wait)
        if system:
            drivercopies.execute(copies, shelf, system, everything=everything, wait=wait)
    output.say(f"freed {output.size(freed)}")


def _system(root: Path) -> System | None:
    """None where there is no kernel, as in a container: what doctor has cleared away there is recorded, too."""
    with contextlib.suppress(NotFound):
        return driver.look(root)
    return None


def _show(plan: PrunePlan, copies: Sequence[Copy]) -> None:
    show_losses(plan)
    for one in copies:
        name = printable(f"/{FOLDER}/{one.name}" if one.kind == IMAGE else one.name)
        called = f"{one.kind} {name} ({printable(one.about)})"
        if one.kept:
            output.say(f"keeps {called}: {printable(one.kept)}")
        else:
            otherwise = "it can be made anew" if one.kind == IMAGE else "what it holds is elsewhere, too"
            output.say(f"lets go of {called}:")
            show_lost(one.lost, f"nothing is lost: {otherwise}")
    if not plan.losses and all(one.kept for one in copies):
        output.say("nothing was saved that could be let go of")
