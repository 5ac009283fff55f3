"""What follows from a change of files below a system's root: which index and which boot images are stale by it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rocmswitch.model.kernel import Kernel, System

_SETTINGS = ("etc/modprobe.d/", "etc/modules-load.d/", "etc/initramfs-tools/")


@dataclass(frozen=True)
class Work:
    """Releases of kernels: those whose index, and those whose boot images, have to be made anew."""

    index: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


def concerns_kernels(paths: Collection[str]) -> bool:
    """Whether any of *paths* has a say in what a kernel loads."""
    return any(path.startswith((*_SETTINGS, "lib/", "usr/lib/")) for path in paths)


def work_after(paths: Collection[str], system: System) -> Work:
    """*paths* are those that were changed. A setting concerns every image, a module those of its kernel."""
    index = tuple(one.release for one in system.kernels if _has_any(one, paths))
    is_setting = any(path.startswith(_SETTINGS) for path in paths)
    images = [one.release for one in system.kernels if one.images and (is_setting or one.release in index)]
    return Work(index, tuple(images))


def _has_any(kernel: Kernel, paths: Collection[str]) -> bool:
    return any(path.startswith(f"{kernel.folder}/") for path in paths)
