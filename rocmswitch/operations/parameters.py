"""Parameters of amdgpu, set and taken away: our file by the ledger, then the boot images that hold settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import NotFound
from rocmswitch.host.systemroot import within
from rocmswitch.model.deployment import FILE, Generation, Intent, NewText, NoFile, Place, Replacement, Seen
from rocmswitch.model.kernel import System
from rocmswitch.model.snapshot import BEFORE_SET
from rocmswitch.operations.booting import Renewed, Telling, alone, renew
from rocmswitch.operations.snapshot import Taken, take
from rocmswitch.planning.moduleoptions import Option
from rocmswitch.planning.parameters import CONF, ParameterPlan, plan_set, plan_unset
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.folder import Folder

PLACE = Place("driver", "driver", "/", "", 0, 0)
"""What every change of a driver's ledger is about: the same wherever its system is mounted."""


@dataclass(frozen=True)
class Tools:
    """What a change of a system's driver is made with. `wait` is seconds for each lock."""

    ledger: Ledger
    snapshots: Snapshots
    disk: Disk
    wait: float


@dataclass(frozen=True)
class Done:
    """`generation` is None where our file said so already, and only boot images were made anew."""

    taken: Taken
    generation: Generation | None
    renewed: Renewed


@dataclass(frozen=True)
class Change:
    """A plan, with what it has seen."""

    plan: ParameterPlan
    path: str
    """Where our file is, or will be: below the root, without a link in it."""
    seen: Seen
    expected: int


def plan(system: System, verb: str, wishes: Sequence[Option], ledger: Ledger) -> Change:
    """What `set` or `unset` takes. Changes nothing. Raises what the planning does, and NotFound, Refused."""
    root, expected = Path(system.root), ledger.newest
    path = str(PurePath(within(root, str(PurePath(CONF).parent)), PurePath(CONF).name))
    with disk_errors(root / CONF):
        seen, before = _look(ledger, root / path, path)
    planned = plan_set if verb == "set" else plan_unset
    return Change(planned(system, wishes, before), path, seen, expected)


def execute(change: Change, system: System, tools: Tools, tell: Telling) -> Done:
    """A snapshot, our file, the boot images. Raises Busy, Refused, MachineLacks, VerificationFailed.

    Only the file is a transaction. What a cut leaves of the images is told by the same plan, made again.
    """
    with alone(Path(system.root), tools.disk, tools.wait):
        return _execute(change, system, tools, tell)


def _execute(change: Change, system: System, tools: Tools, tell: Telling) -> Done:
    taken = take(system, tools.snapshots, BEFORE_SET, tools.disk, wait=tools.wait)
    generation = None
    if change.plan.before != change.plan.after:
        content = NewText(change.plan.after) if change.plan.after else NoFile()
        generation = tools.ledger.carry_out(
            Intent(change.plan.verb, PLACE),
            [Replacement("/", change.path, change.seen, content)],
            wait=tools.wait,
            expected=change.expected,
        )
    return Done(taken, generation, renew(system, (), change.plan.images, tools.disk, tell))


def _look(ledger: Ledger, file: Path, path: str) -> tuple[Seen, str]:
    """Raises Refused where something else than a file stands there."""
    try:
        seen = ledger.seen(path)
    except NotFound as error:
        raise NotFound(f"`{file.parent}` is not there: nothing would read a setting") from error
    if seen.kind != FILE:
        return seen, ""
    with Folder.reached(file.parent) as folder, folder.open(file.name) as opened:
        return seen, opened.read().decode("utf-8", "replace")
