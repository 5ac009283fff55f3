"""What kind of system lies below a root: its processor, its package database, its /boot; and the one that runs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from rocmswitch.errors import MachineLacks, NotFound
from rocmswitch.host import dpkgfiles, pacmanfiles, rpmfiles
from rocmswitch.host.libraries import MACHINES
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.elf import parse_elf
from rocmswitch.metadata.fstab import parse_fstab
from rocmswitch.model.kernel import MODULES, Boot, Running

_PROGRAMS = ("usr/bin/true", "bin/true", "usr/bin/env", "bin/sh", "sbin/init", "usr/lib/systemd/systemd")
_UNAME = {machine: name for name, machine in MACHINES.items()} | {"EM_386": "i686", "EM_ARM": "armv7l"}
_ALSO_RUNS = {"x86_64": ("i686",), "aarch64": ("armv7l",)}
_KEPT = "boot/rocmswitch"
_POINTS = ("boot", "boot/efi", "efi")
_SUBVOLUMES = ("@", "@rootfs", "root", "@root")
"""What Ubuntu, Debian and Fedora call the subvolume of btrfs that is their root."""
_SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def check_system(files: SystemRoot) -> None:
    """Raise NotFound where the root of *files* is no system, with what to mount, MachineLacks if closed."""
    lacking = [f"/{one}" for one in ("etc", "lib/modules") if not files.is_folder(one)]
    if not lacking:
        return
    root = files.root
    if files.unread:
        raise MachineLacks(f"`{root}` cannot be looked into: {files.unread[0]}")
    subvolume = next((one for one in _SUBVOLUMES if files.is_folder(f"{one}/etc")), None)
    if subvolume is not None:
        raise NotFound(
            f"`{root}` is no system: that is in its subvolume `{subvolume}`",
            hint=f"unmount it, run `mount -o subvol={subvolume} DEVICE {root}`, and the same command again",
        )
    if root == Path("/"):
        raise NotFound(
            f"this machine has no `{lacking[-1]}`, as in a container or a rescue system",
            hint="run the same command with `--root` and the folder where the system is mounted",
        )
    raise NotFound(
        f"`{root}` has no `{lacking[-1]}`: is the root of the damaged system mounted at `{root}`?",
        hint="mount it there and run the same command again",
    )


def is_running(root: Path) -> bool:
    """Whether *root* is the root of this process, whatever it is called."""
    here, own = root.stat(), Path("/").stat()
    return (here.st_dev, here.st_ino) == (own.st_dev, own.st_ino)


def architecture(files: SystemRoot) -> str:
    """As uname -m would say it there, by its programs; empty where none of them can be read."""
    for path in _PROGRAMS:
        if not files.is_file(path):
            continue
        try:
            with files.open(path) as file:
                facts = parse_elf(file)
        except OSError as error:
            files.note(path, error.strerror or str(error))
            continue
        if facts is not None:
            return _UNAME.get(facts.machine, facts.machine.removeprefix("EM_").lower())
    return ""


def runs_on(machine: str, system: str) -> bool:
    """Whether a kernel of *machine* (uname -m) runs programs of the architecture *system*."""
    return system == machine or system in _ALSO_RUNS.get(machine, ())


def package_database(files: SystemRoot) -> str:
    """`dpkg`, `rpm`, `pacman`, or nothing."""
    status = files.status(f"{dpkgfiles.FOLDER}/status")
    # A machine of another kind that has dpkg installed has a status without a byte.
    if status is not None and status.st_size > 0:
        return "dpkg"
    if rpmfiles.database(files):
        return "rpm"
    return "pacman" if files.is_folder(pacmanfiles.FOLDER) else ""


def image_tool(files: SystemRoot) -> str:
    """What makes boot images there. Where there are several, the one that the system's own hooks call."""
    has_presets = any(name.endswith(".preset") for name in files.names("etc/mkinitcpio.d"))
    found = (
        ("initramfs-tools", _has_program(files, "mkinitramfs") and _has_program(files, "update-initramfs")),
        ("mkinitcpio", _has_program(files, "mkinitcpio") and has_presets),
        ("dracut", _has_program(files, "dracut")),
        ("mkinitcpio", _has_program(files, "mkinitcpio")),
    )
    return next((name for name, is_there in found if is_there), "")


def is_read_only(files: SystemRoot) -> bool:
    """Whether the file system of the root is mounted so; one that cannot be asked counts as it."""
    try:
        return bool(os.statvfs(files.root).f_flag & os.ST_RDONLY)
    except OSError as error:
        files.note("", error.strerror or str(error))
        return True


def read_boot(files: SystemRoot) -> Boot:
    """The folder /boot, and which parts of it are not mounted although fstab knows them."""
    entries = {one.point: one.options for one in parse_fstab(files.text("etc/fstab"))}
    unmounted = tuple(one for one in _POINTS if one in entries and not _is_mounted(files, one, entries[one]))
    if not files.is_folder("boot"):
        return Boot("boot" in entries, "boot" not in entries, is_read_only=is_read_only(files), unmounted=unmounted)
    found = os.statvfs(files.root / files.within("boot"))
    return Boot(
        is_separate="boot" in entries,
        is_mounted="boot" not in unmounted,
        is_read_only=bool(found.f_flag & os.ST_RDONLY),
        free=found.f_bfree * found.f_frsize,
        before=_before(files),
        unmounted=unmounted,
    )


def _before(files: SystemRoot) -> tuple[str, ...]:
    """None for who may not look: only root lets go of them."""
    if files.within(_KEPT) != _KEPT:
        return ()
    try:
        return tuple(sorted(one.name for one in (files.root / _KEPT).iterdir() if one.name.endswith(".before")))
    except OSError:
        return ()


def read_running() -> Running:
    """What the kernel of this machine says of itself."""
    files = SystemRoot(Path("/"))
    listed = {line.partition(" ")[0] for line in files.text("proc/modules").splitlines()}
    secure = files.read(_SECURE_BOOT) if files.is_folder("sys/firmware/efi") else b"\0"
    return Running(
        release=os.uname().release,
        command_line=files.text("proc/cmdline").strip(),
        loaded=tuple(name for name in MODULES if name.replace("-", "_") in listed),
        secure_boot=secure[-1:] == b"\1" if secure else None,
    )


def _is_mounted(files: SystemRoot, point: str, options: tuple[str, ...]) -> bool:
    """By the device below it; a folder that is bound from the same file system shows only by what lies in it."""
    here, above = files.status(point), files.status(point.rpartition("/")[0])
    if here is None or above is None or not stat.S_ISDIR(here.st_mode):
        return False
    # Looking into it is what makes an automount mount it.
    names = files.names(point)
    if "bind" in options or "rbind" in options:
        return bool(names)
    return here.st_dev != above.st_dev


def _has_program(files: SystemRoot, name: str) -> bool:
    return any(files.is_file(f"{folder}/{name}") for folder in ("usr/sbin", "usr/bin", "sbin", "bin"))
