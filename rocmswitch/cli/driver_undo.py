"""`rocmswitch undo driver`: the files by the ledger, then the index and the boot images that are stale by it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path

from rocmswitch.cli import machine, output, wayback
from rocmswitch.cli.driver_words import DRIVER, driver_words, going_on, rest, settle_driver, tell_lacks
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.typed import own_line
from rocmswitch.errors import NotFound
from rocmswitch.model.deployment import Generation
from rocmswitch.model.kernel import System
from rocmswitch.model.printable import printable
from rocmswitch.model.snapshot import BEFORE_UNDO
from rocmswitch.operations import driver, snapshot, undo
from rocmswitch.operations.access import Means
from rocmswitch.operations.booting import alone, renew
from rocmswitch.operations.rootonly import check_mounted, check_root, option_of
from rocmswitch.planning.drift import CLEARED
from rocmswitch.planning.driverwork import Work, concerns_kernels, work_after
from rocmswitch.planning.undoing import WayBack
from rocmswitch.store.layout import Layout


def undo_driver(scopes: Scopes, number: int | None, root: Path, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Take back a change of the driver of the system at *root*; without *number* the newest in force."""
    if not dry_run:
        check_root(own_line())
    check_mounted(root)
    with contextlib.ExitStack() as stack, driver_words(root):
        settle_driver(scopes, root, dry_run=dry_run)
        means = _means(scopes, root)
        chosen, plan = undo.plan(number, means, os.environ)
        paths = [one.path for one in plan.returns]
        system = _system(chosen, paths, root)
        work = work_after(paths, system) if system else Work()
        told = f"takes back generation {chosen.number} ({chosen.intent.verb}, {chosen.created[:10]})"
        output.say(printable(f"{told}, below {root}:"))
        wayback.show(plan)
        _show(work)
        if chosen.intent.verb == "recover":
            output.say("note: what this recovery has mended is wrong again afterwards")
        done = None
        if not dry_run:
            if system:
                driver.check_changeable(system, with_images=bool(work.images))
            if plan.returns:
                output.agree("Take it back?", yes=yes)
                stack.enter_context(alone(root, means.disk, means.wait))
            if plan.returns and system:
                disk, snapshots = machine.disk(), machine.driver_snapshots(root)
                snapshot.take(system, snapshots, BEFORE_UNDO, disk, wait=scopes.wait(snapshot.WAIT))
            done = undo.execute(plan, means, os.environ)
            _tell(chosen, done, plan, root)
        if as_json:
            output.write_json(wayback.as_json(plan, done))
        if done is not None and plan.returns and system:
            with going_on(rest(root)):
                _renew(system, work, means)


def _system(chosen: Generation, paths: Collection[str], root: Path) -> System | None:
    """None where only what ROCm by hand had left comes back: that may be in a container, without a kernel."""
    if chosen.intent.verb != CLEARED:
        return driver.look(root)
    with contextlib.suppress(NotFound):
        return driver.look(root) if concerns_kernels(paths) else None
    return None


def _renew(system: System, work: Work, means: Means) -> None:
    """Raises VerificationFailed where the next boot would not find what it needs."""
    renewed = renew(system, work.index, work.images, means.disk, lambda text: output.say(printable(text)))
    for line in renewed.done:
        output.say(printable(line))
    tell_lacks(renewed.lacks)


def _means(scopes: Scopes, root: Path) -> Means:
    return Means(Layout.driver(root), machine.driver_ledger(root), machine.disk(), scopes.wait(wayback.WAIT))


def _show(work: Work) -> None:
    if work.index:
        output.say(f"makes the index of {', '.join(work.index)} anew")
    if work.images:
        output.say(f"makes the boot images of {', '.join(work.images)} anew")


def _tell(chosen: Generation, done: Generation, plan: WayBack, root: Path) -> None:
    if not plan.returns:
        output.say("nothing has to be put back")
        output.say(f"generation {chosen.number} counts as taken back, recorded as generation {done.number}")
        return
    output.say(f"took back generation {chosen.number}, recorded as generation {done.number}")
    output.say(f"back: `rocmswitch undo {DRIVER}:{done.number}{option_of(root)}`")
