"""Rows about what the kernel's log says of a card: each message with its place, and what it means."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding, Remedy
from rocmswitch.model.machine import LogLine
from rocmswitch.model.symptoms import CardSymptoms, Symptoms
from rocmswitch.planning.reinstalling import plan_line

_MODULES = r"(?:amdgpu|amdttm|amdkcl|amd[-_]sched|amddrm\w*|amdxcp)"
REJECTED = re.compile(
    rf"{_MODULES}: [Ll]oading of .* is rejected|[Ll]oading of (?:unsigned )?module.* is rejected|"
    r"Lockdown: \S+ unsigned module loading is restricted"
)
"""kernel/module/signing.c; before 5.4 without the module's name."""
_SYMBOLS = re.compile(rf"({_MODULES}): (Unknown symbol \S+|disagrees about version of symbol \S+|version magic .*)")
_INIT = re.compile(
    r"amdgpu.*(Fatal error during GPU init|amdgpu_device_ip_init failed|probe (of \S+ )?failed with error)"
)
_FIRMWARE = re.compile(r"Direct firmware load for (amdgpu/\S+) failed with error")
_SKIPPED = re.compile(r"skipped device ([0-9a-f]{4}:[0-9a-f]{4}), PCI rejects atomics")
_NO_ATOMICS = re.compile(r"PCIE atomic ops is not supported")
_HANG = re.compile(
    r"ring \S+ timeout|GPU reset begin|GPU reset\(\d+\) |MES failed to respond|HW Exception|"
    r"Waiting for fences timed out|evicting device resources failed"
)
_PAGE_FAULT = re.compile(r"(?:retry )?page fault \(src_id|VM_CONTEXT1_PROTECTION_FAULT|GPU fault detected")


def is_driverless(card: CardSymptoms) -> bool:
    """A card sits on the bus and no program can reach it, which nobody keeps it from on purpose."""
    return bool(card.plugged) and not card.gpus and not card.hidden and not card.contained


def explains(symptoms: Symptoms) -> bool:
    """Whether the log says why a card has no driver: then that is told, and not that it has none."""
    return any(_first(symptoms, one) for one in (REJECTED, _SYMBOLS, _INIT, _SKIPPED))


def symbols(symptoms: Symptoms) -> Iterator[Finding]:
    """Modules of two releases, or of another kernel, side by side (ROCm/ROCm#738)."""
    line = _first(symptoms, _SYMBOLS)
    match = _SYMBOLS.search(line.text) if line else None
    if line and match:
        what = f"the kernel could not load `{match[1]}`, which does not fit to the modules beside it"
        why = f"it says `{match[2]}`: modules of two releases, or of another kernel, were mixed"
        yield Finding("log-symbols", _severity(symptoms), what, line.where, why, _recover(symptoms))


def start(symptoms: Symptoms) -> Iterator[Finding]:
    """amdgpu was loaded and has given the card up."""
    line = _first(symptoms, _INIT)
    if not line:
        return
    firmware = _missing_firmware(symptoms)
    why = f"the kernel's log says `{_told(line)}`"
    if firmware:
        why += f"; it had found no firmware `{firmware[0]}`"
    remedy = _install_firmware(symptoms) if firmware else _recover(symptoms)
    what = "amdgpu was loaded, and gave the card up while it started it"
    yield Finding("log-start", _severity(symptoms), what, line.where, why, remedy)


def missing_firmware(symptoms: Symptoms) -> Iterator[Finding]:
    """Some files the driver can do without; it asks for them all."""
    line = _first(symptoms, _FIRMWARE)
    if line and not _first(symptoms, _INIT):
        names = _missing_firmware(symptoms)
        what = f"amdgpu found no firmware `{names[0]}`" + (f" and {len(names) - 1} more" if names[1:] else "")
        why = f"the kernel's log says `{_told(line)}`; the card runs without it, perhaps not all of it"
        yield Finding("log-firmware", WARNING, what, line.where, why, _install_firmware(symptoms))


def atomics(symptoms: Symptoms) -> Iterator[Finding]:
    """ROCm needs atomic operations across PCI Express for all cards before gfx9, and for some after."""
    skipped, lacking = _first(symptoms, _SKIPPED), _first(symptoms, _NO_ATOMICS)
    slot = "put the card into a slot that the processor drives itself, and bring the board's firmware up to date"
    if skipped:
        why = f"the kernel's log says `{_told(skipped)}`: the slot, or a bridge before it, passes no atomics on"
        what = "the compute driver leaves the card out, as its slot does not support PCIe atomics"
        yield Finding("atomics", _severity(symptoms), what, skipped.where, why, Remedy(slot))
    elif lacking:
        what = "the card's slot does not support PCIe atomics"
        why = f"the kernel's log says `{_told(lacking)}`: `printf` in kernels fails"
        yield Finding("atomics", NOTE, what, lacking.where, why, Remedy(slot))


def hangs(symptoms: Symptoms) -> Iterator[Finding]:
    """The card stopped answering since the boot: what runs on it may be at fault, or what it runs with."""
    for row, pattern, what in (
        ("log-hang", _HANG, "the card has hung since this boot"),
        ("log-page-fault", _PAGE_FAULT, "a program on the card has reached for memory that it does not have"),
    ):
        lines = [one for one in symptoms.machine.log.lines if pattern.search(one.text)]
        if lines:
            count = f", and {len(lines) - 1} lines more" if lines[1:] else ""
            why = f"the kernel's log says `{_told(lines[0])}`{count}; a stack that does not fit the card does that"
            text = "run `rocmswitch probe ENVIRONMENT`, which finds the operations that do it"
            yield Finding(row, WARNING, what, lines[0].where, why, Remedy(text))


def _first(symptoms: Symptoms, pattern: re.Pattern[str]) -> LogLine | None:
    return next((one for one in symptoms.machine.log.lines if pattern.search(one.text)), None)


def _missing_firmware(symptoms: Symptoms) -> list[str]:
    matches = (_FIRMWARE.search(one.text) for one in symptoms.machine.log.lines)
    return list(dict.fromkeys(match[1] for match in matches if match))


def _severity(symptoms: Symptoms) -> str:
    """A card that programs reach now was started again, or it is another one."""
    return WARNING if symptoms.card.gpus else FAULT


def _told(line: LogLine) -> str:
    return line.text.strip().replace("`", "'")


def _recover(symptoms: Symptoms) -> Remedy:
    if symptoms.system is None:
        return Remedy("reinstall the kernel's package, and reboot")
    return Remedy(f"run `{plan_line(symptoms.system)}`, which compares the driver's files with their packages")


def _install_firmware(symptoms: Symptoms) -> Remedy:
    kind = symptoms.system.package_database if symptoms.system else ""
    command = {
        "dpkg": "sudo apt install --reinstall firmware-amd-graphics || sudo apt install --reinstall linux-firmware",
        "rpm": "sudo dnf reinstall amd-gpu-firmware",
        "pacman": "sudo pacman -S linux-firmware",
    }.get(kind)
    text = f"run `{command}`" if command else "install your distribution's package of amdgpu's firmware"
    return Remedy(f"{text}, and reboot")


ROWS = (symbols, start, missing_firmware, atomics, hangs)
