"""What stands in the way of any recovery: a system that cannot be written to, or whose programs do not run here."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rocmswitch.model.kernel import System
from rocmswitch.model.recovery import Fault, Lack
from rocmswitch.planning.reinstalling import recover

BOOT_NOT_MOUNTED, READ_ONLY, BOOT_READ_ONLY = "boot-not-mounted", "read-only", "boot-read-only"
ARCHITECTURE, UNTOLD = "architecture", "architecture-untold"
"""The rows of these faults: `recover --apply` passes none of them."""


def obstacles(system: System) -> tuple[tuple[Fault, Lack], ...]:
    """Each as a fault, and as what is to be done before `recover --apply` can be."""
    return tuple(_found(system))


def _found(system: System) -> Iterator[tuple[Fault, Lack]]:
    root, boot = system.root, f"{system.root.rstrip('/')}/boot"
    then = f", then `{recover(system)}`"
    if system.is_read_only:
        what = f"`{root}` is mounted read-only"
        yield _both(READ_ONLY, what, "", f"run `mount -o remount,rw {shlex.quote(root)}`{then}")
    if system.boot.is_separate and not system.boot.is_mounted:
        what = f"`{boot}` is a file system of its own, which is not mounted"
        mount = "mount /boot" if root == "/" else f"mount DEVICE {shlex.quote(boot)}"
        yield _both(BOOT_NOT_MOUNTED, what, "boot", f"run `{mount}` (`/etc/fstab` names the device){then}")
    elif system.boot.is_read_only and not system.is_read_only:
        what = f"`{boot}` is mounted read-only"
        yield _both(BOOT_READ_ONLY, what, "boot", f"run `mount -o remount,rw {shlex.quote(boot)}`{then}")
    if not system.runs_here and system.architecture:
        what = f"the programs of `{root}`, which are for {system.architecture}, do not run on this machine"
        yield _both(ARCHITECTURE, what, "", "start a rescue system of that kind, and run it there")
    elif not system.runs_here:
        what = f"which machines the programs of `{root}` run on cannot be told"
        cure = f"mount the whole system (`/usr` too, where it is a file system of its own){then}"
        yield _both(UNTOLD, what, "", cure)


def _both(row: str, what: str, path: str, remedy: str) -> tuple[Fault, Lack]:
    evidence = {
        READ_ONLY: "its mount says so",
        BOOT_NOT_MOUNTED: "`/etc/fstab` has it, and nothing is mounted there",
        BOOT_READ_ONLY: "its mount says so",
        UNTOLD: "neither `/usr/bin/true` nor `/bin/sh` nor an init is there and can be read",
        ARCHITECTURE: "neither index nor boot image can be made by its own programs",
    }
    return Fault(f"{row}:{path or '/'}", what, evidence[row], path=path), Lack(what, remedy, path)
