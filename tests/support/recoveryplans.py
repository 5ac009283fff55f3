"""Plans of recoveries as tests write them down: what is expected, whole."""

from __future__ import annotations

from dataclasses import replace

from rocmswitch.model.kernel import AMDGPU, System
from rocmswitch.model.recovery import Candidate, Lack, RecoveryPlan, Restore
from rocmswitch.planning.dkmsswitch import off_switches
from rocmswitch.planning.modules import faults
from rocmswitch.planning.recovery import Wishes, plan_recovery
from tests.support.systems import (
    CRAT,
    K,
    contents,
    dkms,
    genuine,
    in_tree,
    kernel_of,
    module_at,
    packaged,
    shadow,
    system_of,
)

PATH = in_tree()
PACKAGE_NAME = f"linux-image-{K}"
STATED = genuine().md5[:12]
SAYS = f"snapshot 1 has the md5 that the package {PACKAGE_NAME} states"
NO_WISHES = Wishes()
OFF = off_switches([("amdgpu", "1.0")])


def plan_of(system: System, *candidates: Candidate, wishes: Wishes = NO_WISHES) -> RecoveryPlan:
    """The plan without what it says beside what it does."""
    return replace(plan_recovery(system, candidates, wishes), notes=())


def mended(system: System, *files: object, lacks: tuple[Lack, ...] = (), **steps: object) -> RecoveryPlan:
    """A plan whose files are *files*; index and image of the one kernel are made anew unless *steps* says else."""
    made = RecoveryPlan(system.root, faults(system), files, index=(K,), images=(K,), lacks=lacks)  # type: ignore[arg-type]
    return replace(made, **steps)  # type: ignore[arg-type]


def restored(found: Candidate, reason: str = SAYS, *passed: str, path: str = PATH) -> Restore:
    return Restore(K, AMDGPU, path, found, reason, passed)


def rows(system: System) -> list[str]:
    return [one.id.partition(":")[0] for one in faults(system)]


def packaged_dkms(changed: tuple[str, ...] = (CRAT,)) -> System:
    built = module_at(shadow(), contents("patched"))
    return system_of(kernel_of(K, built, packaged()), dkms=(dkms(built, changed=changed),))
