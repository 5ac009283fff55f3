"""What brings the kernel modules of a system back: the plan of `recover`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rocmswitch.model.finding import SEVERITIES
from rocmswitch.model.kernel import System
from rocmswitch.model.recovery import Candidate, FileAction, Lack, RecoveryPlan, Restore, SetAside
from rocmswitch.planning.bootplan import indexed, plan_images
from rocmswitch.planning.dkmsplan import rebuilds, switches
from rocmswitch.planning.modules import faults, is_leftover
from rocmswitch.planning.obstacles import obstacles
from rocmswitch.planning.recoverynotes import notes
from rocmswitch.planning.reinstalling import inside, remedy
from rocmswitch.planning.restoring import FilesPlan, plan_files
from rocmswitch.planning.settingsplan import plan_settings
from rocmswitch.planning.sources import Target, choose


@dataclass(frozen=True)
class Wishes:
    """What the user has asked for, and consented to."""

    rebuild: bool = False
    """DKMS modules are built anew, from the files of their package or of a snapshot; not with `in_tree`, which
    wants none of them."""
    in_tree: bool = False
    """Shadows that are as they should be are set aside too."""
    disable: frozenset[str] | None = None
    """Files of settings that may be disabled, as paths below the root. None: nobody was asked yet, and the plan
    proposes all of them; such a plan is shown, not carried out."""
    kernels: frozenset[str] | None = None
    """Only these releases; None for all."""


def plan_recovery(system: System, candidates: Sequence[Candidate], wishes: Wishes) -> RecoveryPlan:
    """What is wrong with *system*, and what brings it back from *candidates*.

    It is empty where nothing is wrong that could be mended; carried out, it leaves nothing for a second one.
    """
    found = faults(system)
    plans = _kernel_plans(system, candidates, wishes)
    rebuilt, rebuild_lacks = rebuilds(system, candidates) if wishes.rebuild and not wishes.in_tree else ((), ())
    files, file_lacks = _files(system, candidates, plans, frozenset((one.name, one.version) for one in rebuilt))
    disabled, settings_lacks, left_alone = plan_settings(system, found, wishes.disable)
    files = (*files, *disabled)
    images, image_lacks = plan_images(system, found, plans, files, rebuilt)
    configure, package_lacks = _configure(system)
    plan = RecoveryPlan(
        root=system.root,
        faults=found,
        files=files,
        rebuild=rebuilt,
        configure=configure,
        index=indexed(system, found, plans, rebuilt),
        images=images,
        lacks=(*file_lacks, *rebuild_lacks, *settings_lacks, *image_lacks, *package_lacks),
        notes=(*notes(system), *left_alone),
    )
    return plan if plan.is_empty and not plan.lacks else _with_obstacles(system, plan)


def _kernel_plans(system: System, candidates: Sequence[Candidate], wishes: Wishes) -> dict[str, FilesPlan]:
    return {
        one.release: plan_files(system, one, candidates, in_tree=wishes.in_tree)
        for one in system.kernels
        if not is_leftover(system, one) and (wishes.kernels is None or one.release in wishes.kernels)
    }


def _files(
    system: System,
    candidates: Sequence[Candidate],
    plans: dict[str, FilesPlan],
    rebuilt: frozenset[tuple[str, str]],
) -> tuple[tuple[FileAction, ...], tuple[Lack, ...]]:
    """What comes back, before what goes away; then what keeps DKMS from bringing that again."""
    firmware, firmware_lacks = _firmware(system, candidates)
    restores = [one for plan in plans.values() for one in plan.restores]
    aside = [one for plan in plans.values() for one in plan.aside]
    lacks = [one for plan in plans.values() for one in plan.lacks]
    files = (*restores, *firmware, *aside, *switches(system, aside, rebuilt))
    return files, (*lacks, *firmware_lacks)


def _firmware(
    system: System, candidates: Sequence[Candidate]
) -> tuple[tuple[Restore | SetAside, ...], tuple[Lack, ...]]:
    actions: list[Restore | SetAside] = []
    lacks = []
    for file in system.firmware:
        if file.owner is None:
            actions.append(SetAside(file.path, "no package owns it, and it hides the firmware of linux-firmware"))
        elif file.owner.is_intact is False:
            chosen = choose(Target(file.path, owner=file.owner), candidates)
            if isinstance(chosen, Restore):
                actions.append(chosen)
            else:
                what = f"`/{file.path}` cannot be brought back: there is no copy of it here"
                lacks.append(Lack(what, remedy(system, file.owner), file.path))
    return tuple(actions), tuple(lacks)


def _configure(system: System) -> tuple[tuple[str, ...], tuple[Lack, ...]]:
    broken = system.half_configured
    if not broken or (system.package_database == "dpkg" and system.runs_here):
        return broken, ()
    line = inside(system, "dpkg --configure -a")
    cure = f"run `{line}` on a machine of its kind" if system.package_database == "dpkg" else "install them anew"
    return (), (Lack(f"the installation of {', '.join(broken)} cannot be completed from here", cure),)


def _with_obstacles(system: System, plan: RecoveryPlan) -> RecoveryPlan:
    """What stands in the way is a fault too, only where something is to be carried out, or would be if it could."""
    found = obstacles(system)
    all_faults = sorted(
        (*(fault for fault, _ in found), *plan.faults), key=lambda one: SEVERITIES.index(one.severity)
    )
    return replace(plan, faults=tuple(all_faults), lacks=(*(lack for _, lack in found), *plan.lacks))
