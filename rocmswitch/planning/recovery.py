"""What brings the kernel modules of a system back: the plan of `recover`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rocmswitch.model.kernel import System
from rocmswitch.model.recovery import Candidate, RecoveryPlan


@dataclass(frozen=True)
class Wishes:
    """What the user has asked for, and consented to."""

    rebuild: bool = False
    """DKMS modules are built anew, from the files of their package or of a snapshot."""
    in_tree: bool = False
    """Shadows that are as they should be are set aside too."""
    disable: frozenset[str] | None = None
    """Files of settings that may be disabled, as paths below the root. None: nobody was asked yet, and the plan
    proposes all of them; such a plan is shown, not carried out."""
    kernels: frozenset[str] | None = None
    """Only these releases; None for all."""


def plan_recovery(system: System, candidates: Sequence[Candidate], wishes: Wishes) -> RecoveryPlan:
    """What is wrong with *system*, and what brings it back from *candidates*."""
    raise NotImplementedError
