"""Rows about the kernel's driver: what the next boot would load, and whether the stack goes with it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rocmswitch.model.finding import FAULT, NOTE, SEVERITIES, WARNING, Finding, Remedy
from rocmswitch.model.kernel import AMDGPU, Kernel, ModuleFile, System
from rocmswitch.model.recovery import Fault
from rocmswitch.planning.driversupport import is_far, release_of
from rocmswitch.planning.modules import faults, is_leftover
from rocmswitch.planning.reinstalling import plan_line
from rocmswitch.planning.vouching import required

_LEFT = "dkms-leftover:"


def diagnose_driver(system: System, rocm: str = "") -> tuple[Finding, ...]:
    """What `doctor` says of the kernels of *system*, the worst first.

    *rocm* is the version of the stack in use (`6.2.4`), if one is. No remedy is automatic: what changes kernel
    modules is shown and wanted first.
    """
    found = faults(system)
    rows = [*_lost(system, found), *(_row(system, one) for one in found), *_far(system, rocm)]
    return tuple(sorted(rows, key=lambda one: SEVERITIES.index(one.severity)))


def _row(system: System, fault: Fault) -> Finding:
    remedy = None if fault.severity == NOTE else _recover(system)
    where = _place(system, fault.path) if fault.path else "the package database"
    if fault.id.startswith(_LEFT):
        where = f"/var/lib/dkms/{fault.id.removeprefix(_LEFT)}"
        remedy = Remedy(f"run `sudo rm -r {shlex.quote(where)}`")
    return Finding(f"driver-{fault.id}", fault.severity, fault.what, where, fault.evidence, remedy)


def _recover(system: System) -> Remedy:
    return Remedy(f"run `{plan_line(system)}`")


def _place(system: System, path: str) -> str:
    return f"{system.root.rstrip('/')}/{path}"


def _lost(system: System, found: Sequence[Fault]) -> Iterator[Finding]:
    """A kernel that is installed, and with which the next boot has no GPU."""
    bootable = [one for one in system.kernels if not is_leftover(system, one)]
    others = any(one.winner() is not None for one in bootable)
    for kernel in bootable:
        if kernel.winner() is None and not _brings_one(kernel):
            if others:
                yield _without(system, kernel)
        elif why := _keeps_from_loading(kernel, found):
            what = f"the next boot of kernel {kernel.release} loses the GPU"
            yield Finding(
                f"driver-lost:{kernel.release}", FAULT, what, _place(system, kernel.folder), why, _recover(system)
            )


def _brings_one(kernel: Kernel) -> bool:
    return any(one.name == AMDGPU for one in required(kernel))


def _without(system: System, kernel: Kernel) -> Finding:
    """Cloud kernels are without graphics; Ubuntu's need linux-modules-extra-RELEASE for it."""
    what = f"kernel {kernel.release} has no amdgpu, and other kernels here have one"
    remedy = Remedy("boot another kernel, or install the package that has its graphics modules")
    why = "no package that is installed brings one for it"
    return Finding(f"driver-none:{kernel.release}", WARNING, what, _place(system, kernel.folder), why, remedy)


def _keeps_from_loading(kernel: Kernel, found: Sequence[Fault]) -> str:
    """Why amdgpu is not loaded, where it is certain; empty where it is loaded, even if it is a wrong one."""
    winner = kernel.winner()
    if winner is None:
        return "it has no amdgpu any more"
    if winner.fault and not (winner.owner and winner.owner.is_intact):
        return f"`/{winner.path}` is {winner.fault}"
    if not kernel.has_aliases:
        return "its index leads from no card to amdgpu"
    bad = [one for one in found if one.severity == FAULT and one.id.startswith("bad-option:")]
    return bad[0].what if bad else ""


def _far(system: System, rocm: str) -> Iterator[Finding]:
    """Beyond what AMD supports together; the running kernel's driver counts, of a mounted system every kernel's."""
    running = system.running.release if system.running else ""
    for kernel in system.kernels:
        winner = kernel.winner()
        if winner is None or winner.is_in_tree or (running and kernel.release != running) or not rocm:
            continue
        if is_far(winner.contents.version, rocm):
            yield _finding_of(system, winner, rocm)


def _finding_of(system: System, winner: ModuleFile, rocm: str) -> Finding:
    driver = release_of(winner.contents.version)
    what = f"ROCm {rocm} is far from the driver of kernel {winner.kernel}, which is of ROCm {driver}"
    why = f"amdgpu {winner.contents.version}: AMD supports two releases apart, and since 6.4 about a year"
    remedy = Remedy("use a stack that is nearer, or install the `amdgpu-dkms` of a nearer release")
    return Finding(f"driver-far:{winner.kernel}", WARNING, what, _place(system, winner.path), why, remedy)
