"""Bring what the kernels of a system would load back to what it should be: look, plan, mend, and look again.

Only the files are a recorded change. All that follows from them, index, boot images, builds and the end of a broken
installation, is derived by reading: whoever runs it again after a cut finds what is still to be done, and a second
time nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Failed, MachineLacks, NotFound, RocmswitchError
from rocmswitch.host.leftovers import find_leftovers
from rocmswitch.host.system import read_system
from rocmswitch.model.deployment import Intent
from rocmswitch.model.finding import FAULT
from rocmswitch.model.kernel import System
from rocmswitch.model.recovery import Candidate, Disable, Lack, RecoveryPlan, Restore, SetAside, Write
from rocmswitch.model.snapshot import BEFORE_RECOVERY
from rocmswitch.operations import packagescripts, snapshot
from rocmswitch.operations.booting import alone, renew
from rocmswitch.operations.mending import (
    DISABLED,
    WORK,
    Mending,
    remains,
    remove_remains,
    room_for,
    unopened,
    work_folder,
)
from rocmswitch.operations.packagesource import fetch, without
from rocmswitch.operations.parameters import PLACE
from rocmswitch.operations.sources import candidates
from rocmswitch.planning.dkmsplan import rebuilds
from rocmswitch.planning.dkmsswitch import off_switches
from rocmswitch.planning.leftovers import notes
from rocmswitch.planning.obstacles import obstacles
from rocmswitch.planning.recovery import Wishes, plan_recovery
from rocmswitch.store.layout import Layout
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.disk import Disk

Telling = Callable[[str], None]


@dataclass(frozen=True)
class Infirmary:
    """What a recovery works on: one system's records, its snapshots and the packages that the user has brought."""

    root: Path
    """Absolute, without a symlink in it."""
    ledger: Ledger
    snapshots: Snapshots
    packages: tuple[Path, ...]
    disk: Disk
    wait: float
    """Seconds for each lock."""


@dataclass(frozen=True)
class Recovery:
    """A plan, and what it was made from."""

    system: System
    sources: tuple[Candidate, ...]
    wishes: Wishes
    plan: RecoveryPlan
    runs_scripts: bool = False
    """Whether the user has consented to scripts of packages being run."""

    @property
    def is_well(self) -> bool:
        """Nothing is wrong, and nothing is to be done."""
        return self.plan.is_empty and not self.left

    @property
    def left(self) -> tuple[str, ...]:
        """What is wrong, not only what may be: sentences without a full stop."""
        kernels = self.wishes.kernels
        found = [one for one in self.plan.faults if one.severity == FAULT]
        return tuple(one.what for one in found if not one.kernel or kernels is None or one.kernel in kernels)

    def agreed(self, disable: frozenset[str], *, runs_scripts: bool) -> Recovery:
        """The same with the user's consent: to disabling these files, and to scripts of packages."""
        wishes = replace(self.wishes, disable=disable)
        plan = plan_recovery(self.system, self.sources, wishes)
        return replace(self, wishes=wishes, plan=plan, runs_scripts=runs_scripts)


@dataclass(frozen=True)
class Outcome:
    """What a recovery has done, and what is there now."""

    before: Recovery
    after: Recovery
    generations: tuple[int, ...] = ()
    """Of the driver's records, in order; none where no file was changed."""
    snapshot: int = 0
    """Of what stood there before; 0 where none could be made."""
    done: tuple[str, ...] = ()
    lacks: tuple[Lack, ...] = ()

    @property
    def is_well(self) -> bool:
        return not self.lacks and self.after.is_well


def plan(infirmary: Infirmary, wishes: Wishes) -> Recovery:
    """What is wrong, and what would be done about it. Changes nothing.

    Raises NotFound where there is no system, or it has not the kernels of *wishes*; Refused and VerificationFailed
    for a package that does not fit.
    """
    system = read_system(infirmary.root)
    _check_kernels(system, wishes)
    told = notes(find_leftovers(infirmary.root), system.root)
    first = _recovery(system, (), wishes, told)
    if first.is_well and not first.plan.lacks and not infirmary.packages:
        return first
    return _recovery(system, candidates(system, infirmary.snapshots, infirmary.packages), wishes, told)


def _recovery(system: System, sources: tuple[Candidate, ...], wishes: Wishes, told: Sequence[str]) -> Recovery:
    """With *told* among the notes of its plan."""
    found = plan_recovery(system, sources, wishes)
    return Recovery(system, sources, wishes, replace(found, notes=(*found.notes, *told)))


def check_possible(system: System) -> None:
    """Raise MachineLacks where nothing can be mended before something else is done, with the line that does it."""
    for fault, lack in obstacles(system):
        raise MachineLacks(fault.what, hint=f"{lack.remedy}")


def execute(recovery: Recovery, infirmary: Infirmary, tell: Telling) -> Outcome:
    """Carry the plan of *recovery* out, and say what is there afterwards.

    Its wishes say what the user has consented to. Raises Busy, MachineLacks, Refused, and Failed where something
    has changed since it was planned; what a ledger has recorded until then stays, and can be taken back.
    """
    check_possible(recovery.system)
    with alone(infirmary.root, infirmary.disk, infirmary.wait):
        return _Carrying(infirmary, tell).carry_out(recovery)


def tidy(recovery: Recovery, infirmary: Infirmary) -> None:
    """Remove what a recovery has left that was cut off at its very end, with nothing else to be done."""
    system, disk = recovery.system, infirmary.disk
    if (Layout.driver(infirmary.root).data / WORK).is_dir() or remains(system):
        check_possible(system)
        with alone(infirmary.root, infirmary.disk, infirmary.wait):
            remove_remains(system, disk)


class _Carrying:
    """One recovery, under its lock."""

    def __init__(self, infirmary: Infirmary, tell: Telling) -> None:
        self._infirmary, self._tell = infirmary, tell
        self._disk = infirmary.disk
        self._done: list[str] = []
        self._lacks: list[Lack] = []
        self._generations: list[int] = []
        self._snapshot = 0

    def carry_out(self, recovery: Recovery) -> Outcome:
        try:
            return self._carry_out(recovery)
        except (OSError, RocmswitchError):
            with contextlib.suppress(OSError):  # what fills a disk is of no use; the next run removes it, too
                remove_remains(recovery.system, self._disk)
            raise

    def _carry_out(self, recovery: Recovery) -> Outcome:
        remove_remains(recovery.system, self._disk)
        now = replace(plan(self._infirmary, recovery.wishes), runs_scripts=recovery.runs_scripts)
        if _steps(now.plan) != _steps(recovery.plan):
            raise Failed("something has changed since this was planned", hint="run the same command again")
        now = self._with_packages(now)
        if now.wishes.rebuild and not now.wishes.in_tree:
            # The look at everything afterwards has no such wish any more.
            self._lacks += rebuilds(now.system, now.sources)[1]
        self._take_snapshot(now)
        now = self._mend(now)
        if now.plan.rebuild:
            now = self._rebuild(now)
        if now.plan.configure and now.runs_scripts:
            done, lacks = packagescripts.configure(now.system, self._tell)
            self._say(done, lacks)
        self._renew(now)
        remove_remains(now.system, self._disk)
        after = self._again(now)
        left = [one for one in after.plan.lacks if one.path not in {other.path for other in self._lacks}]
        return Outcome(
            recovery,
            after,
            tuple(self._generations),
            self._snapshot,
            tuple(self._done),
            (*self._lacks, *left),
        )

    def _with_packages(self, now: Recovery) -> Recovery:
        """With those packages opened that the plan relies on; where one cannot be had, planned without it."""
        wanted = unopened(now.plan)
        if not wanted:
            return now
        self._tell("fetching what is missing by the system's package manager")
        folder = work_folder(now.system, "packages", self._disk)
        sources = without(now.sources, fetch(wanted, now.system, folder, self._disk))
        return replace(now, sources=sources, plan=plan_recovery(now.system, sources, now.wishes))

    def _take_snapshot(self, now: Recovery) -> None:
        if not now.plan.files and not now.plan.rebuild:
            return
        self._tell("copying what could be touched")
        try:
            snapshots, wait, room = self._infirmary.snapshots, self._infirmary.wait, room_for(now.plan, now.system)
            taken = snapshot.take(now.system, snapshots, BEFORE_RECOVERY, self._disk, wait=wait, reserve=room)
            self._snapshot = taken.snapshot.number
        except MachineLacks as error:
            self._done.append(f"no snapshot was made before: {error.message}")

    def _mend(self, now: Recovery) -> Recovery:
        """Change the files of the plan, all or none, and look again."""
        work = work_folder(now.system, "files", self._disk)
        replacements = Mending(self._infirmary.ledger, work, self._disk).replacements(now.plan)
        if not replacements:
            return now
        self._tell("putting the files in place")
        intent = Intent("recover", PLACE)
        done = self._infirmary.ledger.carry_out(intent, replacements, wait=self._infirmary.wait)
        self._generations.append(done.number)
        changed = [step.path for step in done.steps]
        # Another name is told of the file that has it now.
        self._done += [_told(now.plan, path, changed) for path in changed if DISABLED not in path]
        work_folder(now.system, "files", self._disk)
        return replace(now, system=read_system(self._infirmary.root))

    def _rebuild(self, now: Recovery) -> Recovery:
        """Where a build fails, its shadow goes, as without the wish to rebuild, and is not tried again by itself.

        Else the next kernel's package would try it, and stay half-configured. What was only needed as long as
        nothing else could be loaded, a twin of what is built now, goes too.
        """
        for one in now.plan.rebuild:
            packagescripts.rebuild(one, now.system, self._tell)
        system = read_system(self._infirmary.root)
        found = [packagescripts.built(one, system) for one in now.plan.rebuild]
        for done, lacks in found:
            self._say(done, lacks)
        rebuilt = zip(now.plan.rebuild, found, strict=True)
        failed = [(one.name, one.version) for one, (_, lacks) in rebuilt if lacks]
        without_it = replace(now.wishes, rebuild=False)
        plan = plan_recovery(system, now.sources, without_it)
        plan = replace(plan, files=(*plan.files, *off_switches(failed)), rebuild=())
        return self._mend(replace(now, system=system, wishes=without_it, plan=plan))

    def _renew(self, now: Recovery) -> None:
        """What was planned, and what has become necessary by what was done since."""
        system = read_system(self._infirmary.root)
        fresh = plan_recovery(system, now.sources, now.wishes)
        releases = [one for each in now.plan.rebuild for one in each.kernels]
        index = _in_order(system, (*now.plan.index, *fresh.index, *releases))
        images = _in_order(system, (*now.plan.images, *fresh.images, *releases))
        renewed = renew(system, index, images, self._disk, self._tell)
        self._say(renewed.done, renewed.lacks)

    def _again(self, now: Recovery) -> Recovery:
        """The whole diagnosis once more, of what lies on the disk now."""
        self._tell("looking at everything once more")
        system = read_system(self._infirmary.root)
        wishes = replace(now.wishes, rebuild=False)
        return replace(now, system=system, wishes=wishes, plan=plan_recovery(system, now.sources, wishes))

    def _say(self, done: Sequence[str], lacks: Sequence[Lack]) -> None:
        self._done += done
        self._lacks += lacks


def _check_kernels(system: System, wishes: Wishes) -> None:
    there = [one.release for one in system.kernels]
    if not there:
        raise NotFound(
            f"`{system.root}` is no system: there is no kernel in its `lib/modules`",
            hint="run the same command with `--root` and the folder where the system is mounted",
        )
    missing = sorted(set(wishes.kernels or ()) - set(there))
    if missing:
        listed = ", ".join(f"`{one}`" for one in there)
        raise NotFound(f"there is no kernel `{missing[0]}` in `{system.root}`", hint=f"give one of {listed}")


def _steps(plan: RecoveryPlan) -> tuple[object, ...]:
    return plan.files, plan.rebuild, plan.configure, plan.index, plan.images


def _in_order(system: System, releases: Sequence[str]) -> tuple[str, ...]:
    return tuple(one.release for one in system.kernels if one.release in releases)


def _told(plan: RecoveryPlan, path: str, changed: Sequence[str]) -> str:
    """What has become of *path*, one of those that *plan* has *changed*."""
    for action in plan.files:
        if action.path == path:
            match action:
                case Restore(candidate=candidate):
                    return f"`/{path}` was brought back from {candidate.where}"
                case SetAside(reason=reason):
                    return f"`/{path}` was set aside: {reason}"
                case Disable():
                    name = next((one for one in changed if one.startswith(f"{path}{DISABLED}")), "")
                    return f"`/{path}` was {f'disabled: it is `/{name}` now' if name else 'removed'}"
                case Write(reason=reason):
                    return f"`/{path}` was written: it {reason}"
    rebuilt = {file: candidate for one in plan.rebuild for file, candidate in one.files}
    if path in rebuilt:
        return f"`/{path}` was brought back from {rebuilt[path].where}"
    return f"`/{path}` is gone"
