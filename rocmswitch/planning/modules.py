"""What is wrong with what the next boot would load of amdgpu: every Fault, of every kernel."""

from __future__ import annotations

from collections.abc import Iterator

from rocmswitch.model.finding import FAULT, NOTE, SEVERITIES, WARNING
from rocmswitch.model.kernel import DAMAGED, EMPTY, FOREIGN, DkmsModule, Kernel, Stated, System
from rocmswitch.model.recovery import Fault
from rocmswitch.planning.bootfaults import boot_faults
from rocmswitch.planning.settingfaults import setting_faults
from rocmswitch.planning.vouching import (
    ALIEN,
    CHANGED,
    COMPANION,
    SHADOW,
    TWIN,
    Verdict,
    judge,
    required,
)

_WHAT = {
    EMPTY: "`{name}` of kernel {kernel} is empty",
    DAMAGED: "`{name}` of kernel {kernel} is damaged",
    FOREIGN: "`{name}` of kernel {kernel} was built for another kernel",
    CHANGED: "`{name}` of kernel {kernel} is not what its package brought",
    ALIEN: "kernel {kernel} has an `{name}` that no package owns, beside or instead of its own",
    TWIN: "kernel {kernel} has `{name}` twice in one folder",
    SHADOW: "`{name}` in `{place}` hides the one that kernel {kernel} brings",
    COMPANION: "`{name}` in `{place}` of kernel {kernel} belongs to modules that are wrong",
}


def faults(system: System) -> tuple[Fault, ...]:
    """Everything that is wrong with what *system* would load, the worst first, else kernel by kernel."""
    found = [fault for kernel in system.kernels for fault in kernel_faults(system, kernel)]
    found += setting_faults(system)
    found += _dkms_faults(system)
    found += _firmware_faults(system)
    found += _package_faults(system)
    first: dict[str, Fault] = {}
    for one in sorted(found, key=lambda one: SEVERITIES.index(one.severity)):
        # A line of settings may name several modules, and is told once.
        first.setdefault(one.id, one)
    return tuple(first.values())


def kernel_faults(system: System, kernel: Kernel) -> Iterator[Fault]:
    """What is wrong in the folder and in the boot images of one kernel; a leftover is only told of."""
    if is_leftover(system, kernel):
        told = "of a kernel that cannot be booted any more"
        yield Fault(
            f"leftover:{kernel.release}",
            f"`/{kernel.folder}` is {told}",
            f"`/boot` has no kernel {kernel.release}",
            NOTE,
            kernel.release,
            kernel.folder,
        )
        return
    verdicts = judge(system, kernel)
    yield from (_file_fault(one) for one in verdicts if one.row)
    yield from (_missing(system, kernel, one) for one in missing(kernel))
    yield from boot_faults(system, kernel)


def is_leftover(system: System, kernel: Kernel) -> bool:
    """Modules without a kernel: what a removed package has left. Unknown where /boot is not mounted."""
    return not kernel.vmlinuz and (system.boot.is_mounted or not system.boot.is_separate)


def missing(kernel: Kernel) -> tuple[Stated, ...]:
    """The in-tree files that a package says are there, and that are not."""
    there = {file.path for file in kernel.modules}
    return tuple(one for one in required(kernel) if one.path not in there)


def covered(system: System, kernel: Kernel, stated: Stated) -> Verdict | None:
    """The copy that loads in place of a file that DKMS has moved away, which is how it installs on some systems."""
    winner = kernel.winner(stated.name)
    return next((one for one in judge(system, kernel) if one.file is winner and one.is_right and one.keeper), None)


def _missing(system: System, kernel: Kernel, stated: Stated) -> Fault:
    package = stated.owner.package
    evidence = f"the package {package} lists `/{stated.path}`, which is gone"
    aside = [one for one in system.originals if (one.kernel, one.name) == (kernel.release, stated.name)]
    if aside:
        evidence += f"; `/{aside[0].path}` may be it"
    cover = covered(system, kernel, stated)
    if cover is None:
        what, severity = f"kernel {kernel.release} has lost its `{stated.name}`", FAULT
    else:
        what = f"kernel {kernel.release} has `{stated.name}` only from {cover.keeper}"
        severity = NOTE if aside else WARNING
    return Fault(f"missing:{stated.path}", what, evidence, severity, kernel.release, stated.path)


def _file_fault(verdict: Verdict) -> Fault:
    file = verdict.file
    what = _WHAT[verdict.row].format(name=file.name, kernel=file.kernel, place=file.place)
    severity = NOTE if verdict.row == COMPANION else FAULT
    return Fault(f"{verdict.row}:{file.path}", what, verdict.evidence, severity, file.kernel, file.path)


def _dkms_faults(system: System) -> Iterator[Fault]:
    for module in system.dkms:
        label = f"{module.name}/{module.version}"
        if module.is_leftover:
            what = f"DKMS has an empty leftover of {label}, which breaks `dkms status` for everything"
            yield Fault(f"dkms-leftover:{label}", what, "its folder has no source", WARNING)
        elif module.changed:
            yield _changed_source(module, label)


def _changed_source(module: DkmsModule, label: str) -> Fault:
    files = ", ".join(f"`/{one}`" for one in module.changed)
    when = "and is built for every new kernel" if module.is_automatic else "but is not built by itself"
    what = f"the source of {label} is not what {module.owner or 'its package'} brought, {when}"
    severity = WARNING if module.is_automatic else NOTE
    return Fault(f"dkms-source:{label}", what, f"changed: {files}", severity, path=module.source)


def _firmware_faults(system: System) -> Iterator[Fault]:
    """Firmware in updates is loaded before linux-firmware's; a package may well have put it there (ROCm#5566)."""
    for file in system.firmware:
        if file.owner is None:
            what = f"`/{file.path}` is loaded in place of the card's firmware, and no package owns it"
            evidence = f"sha256 {file.sha256[:12]}"
            yield Fault(f"firmware:{file.path}", what, evidence, WARNING, path=file.path)
        elif file.owner.is_intact is False:
            what = f"`/{file.path}` is not what {file.owner.package} brought"
            contents = (
                f"sha256 {file.sha256[:12]}, the package {file.owner.package} states another {file.owner.algorithm}"
            )
            yield Fault(f"firmware-changed:{file.path}", what, contents.rstrip(), FAULT, path=file.path)


def _package_faults(system: System) -> Iterator[Fault]:
    for package in system.half_configured:
        what = f"the installation of {package} was broken off"
        evidence = "its package database has it as half-configured: every later installation stops at it"
        yield Fault(f"half-configured:{package}", what, evidence, FAULT)
