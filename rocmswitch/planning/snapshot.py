"""What a snapshot of a system's kernel modules has to hold."""

from __future__ import annotations

from dataclasses import dataclass

from rocmswitch.model.kernel import System

_FOLDERS = ("etc/modprobe.d", "etc/modules-load.d", "etc/dkms")
_FILES = ("etc/default/grub", "etc/modules", "etc/initramfs-tools/modules")


@dataclass(frozen=True)
class Scope:
    """Paths below the root. Of `folders` everything counts; what is not there does not."""

    files: tuple[str, ...]
    folders: tuple[str, ...]


def snapshot_scope(system: System) -> Scope:
    """The modules of all kernels, their settings, the sources of DKMS that build them, and the boot images."""
    files = set(_FILES)
    for kernel in system.kernels:
        files |= {one.path for one in kernel.modules} | {one.path for one in kernel.images}
        files |= {f"{kernel.folder}/modules.dep", f"boot/config-{kernel.release}"}
    sources = {one.source for one in system.dkms if one.source and not one.is_leftover}
    return Scope(tuple(sorted(files)), tuple(sorted({*_FOLDERS, *sources})))


def vermagics(system: System) -> dict[str, str]:
    """By path, of every module that says for which kernel it is."""
    return {one.path: one.contents.vermagic for kernel in system.kernels for one in kernel.modules}
