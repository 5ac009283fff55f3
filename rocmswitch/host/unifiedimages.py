"""Unified kernel images where the firmware and boot loaders look for them, and which kernel each of them boots."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.stream import Unreadable
from rocmswitch.metadata.unifiedimage import HEAD, KERNEL, MAGIC, read_unified

BOOT = ("boot", "boot/efi", "efi")
"""Where boot loaders read: /boot, and the EFI partition in each place where it is mounted."""
_OWN = "EFI/Linux"
"""Where boot loaders look for them by themselves; elsewhere the firmware is told of each."""
_LAYOUTS = ("etc/kernel/install.conf", "usr/local/lib/kernel/install.conf", "usr/lib/kernel/install.conf")
"""kernel-install(8): the first that there is counts."""


@dataclass(frozen=True)
class UnifiedFile:
    """One of them: `release` is what it says it boots, empty where it does not say, or could not be asked."""

    path: str
    release: str
    command_line: str = ""


def unified_files(system: SystemRoot) -> tuple[UnifiedFile, ...]:
    """All that there are, real and none twice. Raises nothing."""
    found: dict[str, UnifiedFile] = {}
    for place in BOOT:
        for folder in system.names(f"{place}/EFI"):
            for name in system.names(f"{place}/EFI/{folder}"):
                path = f"{place}/EFI/{folder}/{name}"
                if name.lower().endswith(".efi") and system.is_file(path):
                    one = _asked(system, system.within(path), is_own=f"EFI/{folder}".lower() == _OWN.lower())
                    found |= {one.path: one} if one else {}
    return tuple(found.values())


def unified_of(
    files: Iterable[UnifiedFile], release: str, names: Iterable[str], releases: Collection[str]
) -> Iterator[str]:
    """The paths of those that boot the kernel *release*, which files in /boot call by one of *names*.

    One that names another kernel of *releases*, which are installed, is that one's; a kernel that is not there any
    more counts for nothing: the file is of the package that had it.
    """
    patterns = [re.compile(rf"(^|-){re.escape(one)}($|-|\+)") for one in names]
    for file in files:
        words = file.path.rpartition("/")[2][: -len(".efi")]
        if file.release == release or (file.release not in releases and any(one.search(words) for one in patterns)):
            yield file.path


def install_layout(system: SystemRoot) -> str:
    """`uki` where kernel-install makes such images; what else it makes, or empty where nobody has said."""
    for path in _LAYOUTS:
        if system.is_file(path):
            lines = [line.partition("=") for line in system.text(path).splitlines()]
            return next((value.strip() for name, _, value in reversed(lines) if name.strip() == "layout"), "")
    return ""


def _asked(system: SystemRoot, path: str, *, is_own: bool) -> UnifiedFile | None:
    """None for a program that is no kernel; what cannot be read is one where nothing else belongs."""
    silent = UnifiedFile(path, "") if is_own else None
    try:
        with system.open(path) as file:
            head = file.read(HEAD)
            if not head.startswith(MAGIC):
                return silent
            if not is_own and KERNEL not in head:  # boot loaders, of which most machines have some
                return None
            file.seek(0)
            found = read_unified(file)
            if not found.has_kernel:
                return None
            return UnifiedFile(path, found.release(file), found.command_line(file))
    except (OSError, Unreadable):
        return silent
