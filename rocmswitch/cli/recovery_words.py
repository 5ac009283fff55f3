"""A recovery in plain words: what is wrong and how that is known, what is done in which order, how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rocmswitch.cli import output
from rocmswitch.model.finding import FAULT, WARNING
from rocmswitch.model.kernel import AMDGPU, System
from rocmswitch.model.printable import printable
from rocmswitch.model.recovery import Disable, Fault, FileAction, Lack, RecoveryPlan, Restore, SetAside
from rocmswitch.operations.recover import Outcome, Recovery
from rocmswitch.operations.rootonly import option_of
from rocmswitch.planning.settingfaults import is_disabled_by_name

_SAFELY = (
    "to boot once without amdgpu: press `e` in GRUB, add `module_blacklist=amdgpu` to the line that begins with"
    " `linux`, and boot with Ctrl-X; it counts for that one boot"
)


def show_plan(recovery: Recovery, *, talk: bool) -> None:
    """As data, or where it is not what was asked for as *talk*."""
    tell = _teller(output.say if talk else output.write)
    plan = recovery.plan
    wrong = [one for one in plan.faults if one.severity == FAULT]
    others = [one for one in plan.faults if one.severity != FAULT]
    if not plan.faults:
        boot = recovery.system.boot
        is_seen = not (recovery.system.unread or boot.unmounted or boot.strays)
        far = "" if is_seen else ", as far as it could be looked at"
        tell(f"nothing is wrong with what the kernels of `{plan.root}` would load{far}")
    _show_faults("what is wrong:", wrong, tell)
    _show_faults("what may be wrong, or is worth knowing:", others, tell)
    steps = [*_steps(plan)]
    if steps:
        tell("what is to be done, in this order:")
    for number, step in enumerate(steps, 1):
        tell(f"  {number}. {step[0]}")
        for more in step[1:]:
            tell(f"     {more}")
    if plan.files:
        undo = f"`sudo rocmswitch undo driver{option_of(Path(plan.root))}`"
        tell(f"all that this touches is copied first, {undo} takes it back, and no module is loaded meanwhile")
    _show_lacks("what cannot be done here:", plan.lacks, tell)
    for note in plan.notes:
        tell(f"note: {note}")


def show_outcome(outcome: Outcome, root: Path) -> None:
    """The end: what was wrong, what was changed, what is left, and every way on."""
    tell = _teller(output.say)
    tell("what was wrong:")
    for what in _was_wrong(outcome):
        tell(f"  {what}")
    tell("what was done:" if outcome.done else "nothing was done")
    for done in outcome.done:
        tell(f"  {done}")
    _show_lacks("what is left:", outcome.lacks, tell)
    _show_faults("what is wrong still:", [one for one in outcome.after.plan.faults if one.severity == FAULT], tell)
    for line in _signatures(outcome.after.system):
        tell(line)
    for note in outcome.after.plan.notes:
        tell(f"note: {note}")
    if outcome.is_well:
        kept = {one.path for one in outcome.after.system.settings if is_disabled_by_name(one) and not one.is_ours}
        doubts = [one for one in outcome.after.plan.faults if one.severity == WARNING or one.path in kept]
        _show_faults("what may still be wrong, and is not changed here:", doubts, tell)
        told = "every kernel would load what it should, from the next boot on"
        tell(f"{told}, but for that" if doubts else f"all is well: {told}")
    tell(_SAFELY)
    if outcome.snapshot:
        tell(f"snapshot {outcome.snapshot} holds everything as it was before")
    for number in reversed(outcome.generations):
        tell(f"back: `sudo rocmswitch undo driver:{number}{option_of(root)}`")


def _was_wrong(outcome: Outcome) -> Iterator[str]:
    """Every fault, and of what only may be wrong that which is no more."""
    left = {one.id for one in outcome.after.plan.faults}
    for one in outcome.before.plan.faults:
        if one.severity == FAULT or one.id not in left:
            yield one.what


def as_json(recovery: Recovery, outcome: Outcome | None) -> dict[str, object]:
    """For programs: the plan with its faults, and where it was carried out what came of it."""
    found: dict[str, object] = {**asdict(recovery.plan), "is_well": recovery.is_well}
    found["files"] = [{"action": type(one).__name__, **asdict(one)} for one in recovery.plan.files]
    if outcome is None:
        return {**found, "outcome": None}
    done = {
        "is_well": outcome.is_well,
        "generations": list(outcome.generations),
        "snapshot": outcome.snapshot or None,
        "done": list(outcome.done),
        "lacks": [asdict(one) for one in outcome.lacks],
        "faults": [asdict(one) for one in outcome.after.plan.faults],
    }
    return {**found, "outcome": done}


def _steps(plan: RecoveryPlan) -> Iterator[tuple[str, ...]]:
    """Each with what belongs under it."""
    for action in plan.files:
        yield _file_step(action)
    for one in plan.rebuild:
        replaced = (f"after `/{path}` was put back from {candidate.where}" for path, candidate in one.files)
        yield (f"builds {one.name}/{one.version} anew for kernel {', '.join(one.kernels)}", *replaced)
    if plan.configure:
        packages = ", ".join(f"`{one}`" for one in plan.configure)
        yield (
            f"ends the installation of {packages} by `dpkg --configure -a`",
            "this runs scripts of packages, and asks first",
        )
    for kernel in plan.index:
        yield (f"writes the index of kernel {kernel} anew, and looks which module it leads to",)
    for kernel in plan.images:
        yield (f"makes the boot image of kernel {kernel} anew, and looks into it",)


def _file_step(action: FileAction) -> tuple[str, ...]:
    match action:
        case Restore(path=path, candidate=candidate, reason=reason, passed_over=passed):
            return (
                f"brings `/{path}` back from {candidate.where}",
                f"because {reason}",
                *(f"not from {one}" for one in passed),
            )
        case SetAside(path=path, reason=reason):
            return (f"sets `/{path}` aside", f"because {reason}")
        case Disable(path=path, reason=reason, lines=lines, is_ours=is_ours):
            what = (
                f"removes `/{path}`, which rocmswitch has made"
                if is_ours
                else f"disables `/{path}` by another name, and asks first"
            )
            return (what, f"because {reason}", *(f"it says: {one}" for one in lines))
        case _:
            return (f"writes `/{action.path}`", f"because it {action.reason}")


def _show_faults(title: str, faults: Sequence[Fault], tell: Callable[[str], None]) -> None:
    if faults:
        tell(title)
    for one in faults:
        tell(f"  {one.what}")
        if one.evidence:
            tell(f"    {one.evidence}")


def _show_lacks(title: str, lacks: Sequence[Lack], tell: Callable[[str], None]) -> None:
    if lacks:
        tell(title)
    for one in lacks:
        tell(f"  {one.what}")
        if one.remedy:
            tell(f"    {one.remedy}")


def _signatures(system: System) -> Iterator[str]:
    """Who has signed what the next boot loads: nothing is ever signed anew here."""
    for kernel in system.kernels:
        winner = kernel.winner(AMDGPU)
        if winner is None or not kernel.vmlinuz:
            continue
        if winner.signer:
            told = f"is signed by {winner.signer}"
        elif winner.contents.is_signed:
            told = "is signed"
        else:
            told = "is not signed: where Secure Boot is on it ends in `Key was rejected by service`"
        yield f"kernel {kernel.release} will load `/{winner.path}`, which {told}"
        if winner.signer and not winner.is_in_tree:
            yield "  where Secure Boot is on, a key that is not enrolled ends in `Key was rejected by service`"


def _teller(write: Callable[[str], None]) -> Callable[[str], None]:
    return lambda text: write(printable(text))
