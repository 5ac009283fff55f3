"""Rows about the kernel's driver: what the next boot would load, and whether the stack goes with it."""

from __future__ import annotations

from rocmswitch.model.finding import Finding
from rocmswitch.model.kernel import System


def diagnose_driver(system: System, rocm: str = "") -> tuple[Finding, ...]:
    """What `doctor` says of the kernels of *system*. *rocm* is the version of the stack in use, if one is."""
    raise NotImplementedError
