"""What is to be seen of the boot that is running: its command line, its IOMMU, which firmware it would load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import AMDGPU
from rocmswitch.model.machine import FirmwareTwin

_COMMAND_LINE = "proc/cmdline"
_PCI = "sys/bus/pci/devices"
_MODULES = "sys/module"
_FIRMWARE = "lib/firmware/amdgpu"
_PACKED = (".zst", ".xz")
_TRANSLATED = ("DMA", "DMA-FQ")
"""Domains whose addresses are translated, at once or lazily; `identity` is none (sysfs-kernel-iommu_groups)."""


@dataclass(frozen=True)
class BootFacts:
    """What MachineSymptoms takes from here: its fields of these names say what they mean."""

    command_line: str
    translated: tuple[str, ...]
    is_loaded: bool | None
    firmware_twins: tuple[FirmwareTwin, ...]


def read_boot_facts(files: SystemRoot, cards: Iterable[str], *, is_running: bool) -> BootFacts:
    """*cards* are the PCI addresses to look at. Raises nothing."""
    return BootFacts(
        _command_line(files, is_running=is_running),
        tuple(one for one in cards if _is_translated(files, one)),
        files.is_folder(f"{_MODULES}/{AMDGPU}") if files.is_folder(_MODULES) else None,
        tuple(_firmware_twins(files)),
    )


def _command_line(files: SystemRoot, *, is_running: bool) -> str:
    """Of a system that is only mounted, what was recorded of it: a /proc mounted there is this machine's."""
    status = files.status(_COMMAND_LINE)
    if status is None or not (is_running or status.st_size):
        return ""
    return files.text(_COMMAND_LINE).strip()


def _is_translated(files: SystemRoot, address: str) -> bool:
    group = f"{_PCI}/{address}/iommu_group"
    return files.text(f"{group}/type").strip() in _TRANSLATED


def _firmware_twins(files: SystemRoot) -> Iterator[FirmwareTwin]:
    """The kernel looks for the plain name in all its folders before it looks for a packed one anywhere."""
    folder = files.within(_FIRMWARE)
    names = set(files.names(folder))
    for name in sorted(names):
        packed = next((f"{name}{end}" for end in _PACKED if f"{name}{end}" in names), "")
        if packed:
            yield FirmwareTwin(f"/{folder}/{name}", f"/{folder}/{packed}")
