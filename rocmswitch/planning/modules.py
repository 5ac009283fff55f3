"""What is wrong with what the next boot would load of amdgpu: every Fault, of every kernel."""

from __future__ import annotations

from rocmswitch.model.kernel import System
from rocmswitch.model.recovery import Fault


def faults(system: System) -> tuple[Fault, ...]:
    """Everything that is wrong with what *system* would load, the worst first."""
    raise NotImplementedError
