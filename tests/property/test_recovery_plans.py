"""Whatever is wrong with a system: what a recovery of it never does, and that a second one finds nothing to do."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings

from rocmswitch.model.finding import FAULT
from rocmswitch.model.kernel import AMDGPU, Boot, Kernel, ModuleFile, System
from rocmswitch.model.recovery import Candidate, Disable, Fault, RecoveryPlan, Restore, SetAside
from rocmswitch.planning.bootfaults import IMAGE_ROWS
from rocmswitch.planning.modules import faults
from rocmswitch.planning.obstacles import obstacles
from rocmswitch.planning.recovery import Wishes, plan_recovery
from rocmswitch.planning.vouching import agrees
from tests.support.anysystems import CANDIDATES, SYSTEMS, WISHES, healthy
from tests.support.carriedout import carried_out

thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@thorough
@given(healthy())
def test_nothing_is_done_to_a_system_that_is_well(system: System):
    plan = plan_recovery(system, (), Wishes())

    assert (plan.is_empty, plan.lacks, [one for one in plan.faults if one.severity == FAULT]) == (True, (), [])


@thorough
@given(SYSTEMS, CANDIDATES, WISHES)
def test_a_second_run_finds_nothing_to_do(system: System, candidates: tuple[Candidate, ...], wishes: Wishes):
    first = plan_recovery(system, candidates, wishes)
    # A build may fail, and must then leave what is there: what it makes superfluous goes the next time.
    assume(not (first.rebuild and any(" stays: " in one.what for one in first.lacks)))
    after = carried_out(system, first)

    second = plan_recovery(after, candidates, wishes)

    assert second.is_empty, (first, second)


@thorough
@given(SYSTEMS, CANDIDATES, WISHES)
def test_what_was_wrong_is_mended_or_told(system: System, candidates: tuple[Candidate, ...], wishes: Wishes):
    plan = plan_recovery(system, candidates, wishes)

    assert [one for one in plan.faults if one.severity == FAULT and not is_answered(one, plan, system)] == []


@thorough
@given(SYSTEMS, CANDIDATES, WISHES)
def test_what_is_wrong_afterwards_was_told(system: System, candidates: tuple[Candidate, ...], wishes: Wishes):
    plan = plan_recovery(system, candidates, wishes)
    after = carried_out(system, plan)

    left = [one for one in faults(after) if one.severity == FAULT]

    # Of a module that is not there nobody knows which values it takes.
    left = [one for one in left if not one.id.startswith("bad-option:")]
    assert [one for one in left if not is_answered(one, replace(plan, files=()), system)] == []


@thorough
@given(SYSTEMS, CANDIDATES, WISHES)
def test_no_kernel_loses_its_last_amdgpu(system: System, candidates: tuple[Candidate, ...], wishes: Wishes):
    plan = plan_recovery(system, candidates, wishes)

    had = {one.release for one in system.kernels if one.winner(AMDGPU)}
    after = carried_out(system, plan)

    assert had <= {one.release for one in after.kernels if any(file.name == AMDGPU for file in one.modules)}


@thorough
@given(SYSTEMS, CANDIDATES, WISHES)
def test_what_a_package_has_intact_stays(system: System, candidates: tuple[Candidate, ...], wishes: Wishes):
    plan = plan_recovery(system, candidates, replace(wishes, in_tree=False))

    intact = {file.path for file in files_of(system) if file.owner and file.owner.is_intact}
    intact |= {one.path for one in system.firmware if one.owner and one.owner.is_intact}
    intact |= {one.path for one in system.settings if one.owner}

    assert intact.isdisjoint(one.path for one in plan.files)


@thorough
@given(SYSTEMS, CANDIDATES, WISHES)
def test_nothing_comes_from_a_source_that_is_contradicted(
    system: System, candidates: tuple[Candidate, ...], wishes: Wishes
):
    plan = plan_recovery(system, candidates, wishes)

    restores = [one for one in plan.files if isinstance(one, Restore)]

    assert [one for one in restores if is_contradicted(system, one)] == []


@thorough
@given(SYSTEMS, CANDIDATES, WISHES)
def test_of_a_shadows_folder_all_go_or_none(system: System, candidates: tuple[Candidate, ...], wishes: Wishes):
    plan = plan_recovery(system, candidates, replace(wishes, in_tree=False))

    aside = {one.path for one in plan.files if isinstance(one, SetAside)}
    for kernel in system.kernels:
        folders = folders_of(kernel)
        for files in folders.values():
            gone = [one for one in files if one.path in aside]
            names = {one.name for one in files if one.path not in aside and one.owner is None}
            parted = [one for one in gone if names and one.name not in names]
            assert parted == [], plan


@thorough
@given(SYSTEMS, CANDIDATES, WISHES)
def test_settings_of_a_person_go_only_with_consent(
    system: System, candidates: tuple[Candidate, ...], wishes: Wishes
):
    plan = plan_recovery(system, candidates, replace(wishes, disable=frozenset({"etc/modprobe.d/a.conf"})))

    disabled = {one.path for one in plan.files if isinstance(one, Disable) and one.needs_consent}

    assert disabled <= {"etc/modprobe.d/a.conf"}


@thorough
@given(SYSTEMS, CANDIDATES, WISHES)
def test_no_path_is_touched_twice(system: System, candidates: tuple[Candidate, ...], wishes: Wishes):
    plan = plan_recovery(system, candidates, wishes)

    paths = [one.path for one in plan.files]

    assert len(paths) == len(set(paths))


@thorough
@given(SYSTEMS, CANDIDATES, WISHES)
def test_a_system_that_cannot_be_written_to_says_so(
    system: System, candidates: tuple[Candidate, ...], wishes: Wishes
):
    closed = replace(
        system, is_read_only=True, runs_here=False, boot=Boot(is_separate=True, is_mounted=False, free=1)
    )

    plan = plan_recovery(closed, candidates, wishes)

    told = {fault.id for fault, _ in obstacles(closed)}
    assert plan.is_empty or told <= {one.id for one in plan.faults}


def files_of(system: System) -> list[ModuleFile]:
    return [file for kernel in system.kernels for file in kernel.modules]


def folders_of(kernel: Kernel) -> dict[str, list[ModuleFile]]:
    found: dict[str, list[ModuleFile]] = {}
    for file in kernel.modules:
        if not file.is_in_tree:
            found.setdefault(file.path.rpartition("/")[0], []).append(file)
    return found


def is_contradicted(system: System, action: Restore) -> bool:
    contents = action.candidate.contents
    if contents is None:
        return False
    if action.candidate.refused or contents.fault:
        return True
    stated = [one for kernel in system.kernels for one in kernel.stated if one.path == action.path]
    against_package = any(agrees(one.owner, contents) is False for one in stated)
    return against_package or bool(action.kernel and contents.vermagic and contents.kernel != action.kernel)


def is_answered(fault: Fault, plan: RecoveryPlan, system: System) -> bool:
    """Whether something is done about it, or told: at its path, in its kernel, or for the whole system."""
    if fault.path and fault.path in {*(one.path for one in plan.files), *(one.path for one in plan.lacks)}:
        return True
    row = fault.id.partition(":")[0]
    if row == "half-configured":
        return bool(plan.configure) or any("installation" in one.what for one in plan.lacks)
    if row in {one.id.partition(":")[0] for one, _ in obstacles(system)}:
        return True
    if row in ("index", "aliases") and fault.kernel in plan.index:
        return True
    if fault.kernel in plan.images and row in IMAGE_ROWS:
        return True
    folder = next((one.folder for one in system.kernels if one.release == fault.kernel), "")
    return bool(folder) and any(one.path.startswith(f"{folder}/") for one in plan.lacks)
