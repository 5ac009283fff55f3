"""Rows about the machine: what its firmware lets in, what DKMS could not build, where room is short."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding, Remedy
from rocmswitch.model.kernel import Kernel, ModuleFile, System
from rocmswitch.model.machine import FailedBuild, LoaderFolder, SecureBoot, Space
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.planning.diagnosis_log import REJECTED, is_driverless
from rocmswitch.planning.modules import is_leftover
from rocmswitch.planning.reinstalling import plan_line

LOADER = "foreign-loader"
_ASIDE = "/var/backups/firmware"
"""Where files are moved that are in the way: the folder is there on Debian, and no program reads it."""
_SEVERAL = 2
_ADD = r"sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&iommu=pt /' /etc/default/grub"
_BY_GRUB = f"{_ADD} && sudo update-grub"
_LET_THROUGH = {
    "rpm": "sudo grubby --update-kernel=ALL --args=iommu=pt",
    "pacman": f"{_ADD} && sudo grub-mkconfig -o /boot/grub/grub.cfg",
}
"""By package database: how a word gets onto the kernel's command line for good; for others as Debian does it."""


def secure_boot(symptoms: Symptoms) -> Iterator[Finding]:
    """A module that was built here is signed with a key that the firmware has to be told of (dkms#347)."""
    found = symptoms.machine.secure_boot
    said = next((one for one in symptoms.machine.log.lines if REJECTED.search(one.text)), None)
    if said and (is_driverless(symptoms.card) or "amd" in said.text):
        what = "Secure Boot keeps amdgpu out: the kernel has refused a module"
        told = said.text.strip().replace("`", "'")
        why = f"its log says `{told}`{_lists(found)}"
        yield Finding("secure-boot", FAULT, what, said.where, why, _sign(found, symptoms.system))
        return
    if symptoms.system is None or not found.rejects:
        return
    for kernel, module in _built_here(symptoms.system):
        is_unknown = module.contents.is_signed and found.is_enrolled is False
        if not module.contents.is_signed or is_unknown:
            what = f"Secure Boot keeps the `amdgpu` of kernel {kernel.release} out"
            file = f"`/{module.path}`"
            unknown = f"{file} is signed with a key that the firmware does not know"
            signed = unknown if is_unknown else f"nobody has signed {file}"
            why = f"{signed}; `{found.where}` says that only signed ones are let in{_lists(found)}"
            remedy = _sign(found, symptoms.system)
            yield Finding(f"secure-boot:{kernel.release}", FAULT, what, found.where, why, remedy)
            return


def failed_builds(symptoms: Symptoms) -> Iterator[Finding]:
    """A release of amdgpu-dkms knows the kernels of its time (ROCm/ROCm#5111, #4619)."""
    for one in symptoms.machine.builds:
        severity = FAULT if is_driverless(symptoms.card) else WARNING
        yield Finding(
            f"dkms-build:{one.module}:{one.kernel}",
            severity,
            f"DKMS could not build {one.module} for kernel {one.kernel}",
            one.where,
            f"its log says `{one.error.replace('`', chr(39))}`: that release does not support this kernel, which "
            "runs with the driver of its own, or with none",
            _without_dkms(one, symptoms.system),
        )


def clashing_firmware(symptoms: Symptoms) -> Iterator[Finding]:
    """AMD's firmware package serves AMD's driver; the kernel's own takes its files as well (ROCm/ROCm#5566)."""
    system = symptoms.system
    if system is None:
        return
    packages = dict.fromkeys(one.owner.package for one in system.firmware if one.owner)
    bootable = [one.winner() for one in system.kernels if not is_leftover(system, one)]
    if packages and bootable and all(one is not None and one.is_in_tree for one in bootable):
        names = " ".join(packages)
        first = next(one for one in system.firmware if one.owner)
        yield Finding(
            "firmware-clash",
            WARNING,
            f"the kernel's own amdgpu loads the firmware of {names}, and not linux-firmware's",
            f"/{first.path}",
            f"`/{first.path}` is taken before `/lib/firmware/amdgpu`, and no amdgpu of DKMS is installed for it",
            Remedy(f"run `{_remove(system, names)}`, and reboot"),
        )


def hiding_firmware(symptoms: Symptoms) -> Iterator[Finding]:
    """What guides copy there by hand outlives every update of the package."""
    twins = symptoms.machine.firmware_twins
    if twins:
        more = f" and {len(twins) - 1} more" if twins[1:] else ""
        what = f"`{twins[0].plain}`{more} hides the firmware of its package"
        why = f"the kernel takes it before `{twins[0].packed}`, so that no update of the package has an effect"
        files = " ".join(shlex.quote(one.plain) for one in twins)
        remedy = Remedy(f"run `sudo mkdir -p {_ASIDE} && sudo mv {files} {_ASIDE}`, and reboot")
        yield Finding("firmware-twin", WARNING, what, twins[0].plain, why, remedy)


def loader(symptoms: Symptoms) -> Iterator[Finding]:
    """ld.so.conf counts for every program, whatever stack it belongs to. One finding for each of its files."""
    left = {one.path for one in symptoms.leftovers}
    told = [one for one in symptoms.machine.loader if one.file not in left]
    for file in dict.fromkeys(one.file for one in told):
        lines = [one for one in told if one.file == file]
        folders = " and ".join(f"`{one.folder}`" for one in lines)
        yield Finding(
            f"{LOADER}:{lines[0].where}",
            WARNING,
            f"`{file}` lets every program find the ROCm in {folders}",
            lines[0].where,
            "whatever a stack or a wheel does not bring along is taken from there, of another version",
            _without_folders(lines),
        )


def snapshot(symptoms: Symptoms) -> Iterator[Finding]:
    """`recover` brings back what the newest snapshot holds."""
    state = symptoms.machine.snapshot
    if state and (state.lacking or state.other):
        told = []
        told += [f"it has nothing of kernel {', '.join(state.lacking)}"] if state.lacking else []
        told += [f"it has another amdgpu of kernel {', '.join(state.other)}"] if state.other else []
        yield Finding(
            "snapshot",
            WARNING,
            f"snapshot {state.number} of the driver is out of date",
            f"/var/lib/rocmswitch/driver/snapshots/{state.number}",
            f"it is of {state.created[:10]}, and {' and '.join(told)}: a recovery could not bring that back",
            Remedy("run `sudo rocmswitch driver snapshot`"),
        )


def space(symptoms: Symptoms) -> Iterator[Finding]:
    """What breaks off in the middle, and is cheaper to know before."""
    for one in (one for one in symptoms.machine.spaces if one.free < one.needed):
        yield Finding(
            f"space:{one.folder}",
            WARNING,
            f"`{one.folder}` has {_gigabytes(one.free)} free, which is too little for {one.purpose}",
            one.folder,
            f"that takes {_gigabytes(one.needed)} there, and stops where it does not find them",
            _make_room(one),
        )


def iommu(symptoms: Symptoms) -> Iterator[Finding]:
    """AMD's advice for several cards, where an IOMMU translates what they say to one another."""
    machine, words = symptoms.machine, symptoms.machine.command_line.split()
    is_told = any(word in ("iommu=pt", "iommu.passthrough=1", "iommu=off", "amd_iommu=off") for word in words)
    own = {gpu.address for gpu in symptoms.card.gpus if gpu.node in symptoms.card.integrated}
    cards = [one for one in machine.translated if one not in own]
    if words and not is_told and len(cards) >= _SEVERAL:
        database = symptoms.system.package_database if symptoms.system else ""
        yield Finding(
            "iommu",
            NOTE,
            f"an IOMMU translates what {len(cards)} cards say to one another",
            "/proc/cmdline",
            f"{' and '.join(cards)} are in domains that are translated, and `iommu=pt` is not on the command line: "
            "work on several cards may hang (AMD's advice for several cards)",
            Remedy(f"run `{_LET_THROUGH.get(database, _BY_GRUB)}`, and reboot"),
        )


def _built_here(system: System) -> Iterator[tuple[Kernel, ModuleFile]]:
    """The amdgpu of each kernel that can be booted, where it is not the distribution's: the newest first."""
    for kernel in reversed(system.kernels):
        winner = kernel.winner()
        if winner is not None and not winner.is_in_tree and not winner.fault and not is_leftover(system, kernel):
            yield kernel, winner


def _lists(found: SecureBoot) -> str:
    if found.is_waiting:
        return f"; `{found.certificate}` was handed over, and nobody has agreed to it at a boot yet"
    if found.certificate and found.is_enrolled is False:
        return f"; the firmware's list does not have `{found.certificate}`"
    return ""


def _sign(found: SecureBoot, system: System | None) -> Remedy:
    if found.is_waiting:
        return Remedy("reboot, and choose `Enroll MOK` in the blue menu that appears")
    if found.certificate and found.is_enrolled is not True:
        line = f"sudo mokutil --import {shlex.quote(found.certificate)}"
        return Remedy(f"run `{line}`, reboot, and choose `Enroll MOK` in the blue menu that appears")
    line = plan_line(system) if system else "sudo rocmswitch recover"
    return Remedy(f"run `{line}`: the distribution's own amdgpu is signed; or turn Secure Boot off")


def _without_dkms(one: FailedBuild, system: System | None) -> Remedy:
    name, _, version = one.module.partition("/")
    line = f"sudo dkms remove {shlex.quote(name)}/{shlex.quote(version)} --all"
    if system and system.half_configured:
        line = f"sudo apt remove amdgpu-dkms && {line}" if system.package_database == "dpkg" else line
    return Remedy(
        f"boot a kernel that it supports, install a newer amdgpu-dkms, or run `{line}` to use the kernel's own"
    )


def _remove(system: System, names: str) -> str:
    command = {"dpkg": "apt remove", "rpm": "dnf remove", "pacman": "pacman -R"}.get(
        system.package_database, "apt remove"
    )
    return f"sudo {command} {names}"


def _without_folders(lines: Sequence[LoaderFolder]) -> Remedy:
    """*lines* are of one file."""
    one = lines[0]
    if one.is_alone:
        text = f"run `sudo mv {shlex.quote(one.file)} {shlex.quote(one.file)}.disabled && sudo ldconfig`"
        return Remedy(text, automatic=True)
    if one.package:
        text = (
            f"run `rocmswitch link {shlex.quote(one.folder.rpartition('/')[0])}`, which makes a stack of that ROCm"
        )
        return Remedy(f"{text}, or remove the package {one.package}")
    script = shlex.quote(";".join(f"{line.line}d" for line in lines))
    return Remedy(f"run `sudo sed -i {script} {shlex.quote(one.file)} && sudo ldconfig`")


def _make_room(one: Space) -> Remedy:
    if one.folder == "/boot":
        return Remedy("remove a kernel that you do not boot any more, by the package manager")
    return Remedy("run `rocmswitch cache prune`, and remove what you do not use any more: `rocmswitch remove NAME`")


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 10**9 else f"{count / 1e6:.0f} MB"


ROWS = (secure_boot, failed_builds, clashing_firmware, hiding_firmware, loader, snapshot, space, iommu)
