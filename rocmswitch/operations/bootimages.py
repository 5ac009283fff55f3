"""Boot images made anew by the system's own tool, and opened afterwards: what is inside is what the root has.

A boot loader reads the disk without the file system's journal: an image counts only when its file system is synced.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from rocmswitch.errors import Refused
from rocmswitch.host.modulefiles import read_boot_image
from rocmswitch.host.systemroot import SystemRoot, within
from rocmswitch.model.kernel import Kernel, System
from rocmswitch.model.recovery import Fault, Lack
from rocmswitch.planning.bootfaults import IMAGE_ROWS, boot_faults
from rocmswitch.planning.reinstalling import recover, room_in_boot
from rocmswitch.planning.unifiedimages import is_left_alone, lack_of
from rocmswitch.store.layout import Layout
from rocmswitch.store.ownfolders import make_own
from rocmswitch.system.disk import Disk
from rocmswitch.system.inside import Inside
from rocmswitch.system.process import Finished

KEPT = "boot/rocmswitch"
"""Where the image from before lies, `NAME.before`, and what else a rescue finds there."""
WORK = "var/lib/rocmswitch/driver/scratch/images"
"""What tools may write into until they end: nothing of it counts, and the next run empties it."""
_MARGIN = 10
"""Per cent that a new image may be larger than the old one."""


@dataclass(frozen=True)
class Made:
    """What a tool was asked to do for one kernel; what came of it, only the images say."""

    kernel: str
    notes: tuple[str, ...] = ()
    lack: Lack | None = None
    """Why it was not asked."""
    said: str = ""
    """Its last words on stderr."""


class BootImages:
    """Makes the images of one system."""

    def __init__(self, system: System, inside: Inside, disk: Disk) -> None:
        self._system, self._inside, self._disk = system, inside, disk
        self._root = Path(system.root)

    def make(self, kernel: Kernel) -> Made:
        """Make those of *kernel* anew, and wait until they have reached the disk. Raises OSError, MachineLacks."""
        if not kernel.vmlinuz:
            return Made(kernel.release)
        lack = self._cannot(kernel) or self._lacks_room(kernel)
        if lack:
            return Made(kernel.release, lack=lack)
        tools = {"initramfs-tools": self._initramfs_tools, "dracut": self._dracut, "mkinitcpio": self._mkinitcpio}
        paths = self._paths(kernel)
        self._remove_stale(paths)
        # One that was cut off is no way back, and must not take the place of one that is.
        cut = {one.path for one in kernel.images if one.is_damaged or not one.size}
        kept = tuple(told for path in paths if path not in cut and (told := self._keep(path)))
        said = tools[self._system.image_tool](kernel)
        self.sync()
        return Made(kernel.release, kept, said=said.stderr.decode(errors="replace").strip().rpartition("\n")[2])

    def _cannot(self, kernel: Kernel) -> Lack | None:
        """Why no program here can make them."""
        where = f"kernel {kernel.release}"
        if within(self._root, "boot") != "boot":
            return Lack(
                f"the boot image of {where} stays as it is: `{self._root / 'boot'}` leads elsewhere by a link",
                f"put what it leads to in its place, then run `{recover(self._system)}`",
            )
        if not self._system.image_tool:
            return Lack(
                f"no program that makes boot images was found for {where}", f"run `{recover(self._system)}`"
            )
        if not self._system.runs_here:
            return Lack(
                f"the boot image of {where} cannot be made on this machine, which is of another kind",
                f"on one of that kind, run `{recover(self._system)}`",
            )
        if is_left_alone(self._system, kernel):
            return lack_of(self._system, kernel, kernel.images[0])
        return None

    def _lacks_room(self, kernel: Kernel) -> Lack | None:
        """Tools write the new one beside the old one."""
        needed = max((one.size for one in kernel.images if not one.is_unified), default=0) * (100 + _MARGIN) // 100
        free = self._free()
        if free >= needed:
            return None
        return Lack(
            f"the boot image of kernel {kernel.release} stays as it is: making it anew needs"
            f" {_megabytes(needed)} in `{self._root / 'boot'}`, and {_megabytes(free)} are free",
            f"free {_megabytes(needed - free)} there ({room_in_boot(self._system, kernel)}), then"
            f" run `{recover(self._system)}`",
            kernel.images[0].path,
        )

    def _paths(self, kernel: Kernel) -> tuple[str, ...]:
        """The images that the tool makes for *kernel*: those that are there, else the one that will be."""
        own = f"boot/initrd.img-{kernel.release}"
        if self._system.image_tool == "initramfs-tools":
            return (own,)
        # One for EFI holds a kernel and more: the tool that made it has to be asked in its own way.
        there = tuple(one.path for one in kernel.images if not one.is_unified)
        return there or ((own,) if (self._root / "etc/debian_version").exists() else (_dracut_image(kernel),))

    def _remove_stale(self, paths: Sequence[str]) -> None:
        """What a tool that was killed has left beside them, and in our folder."""
        for path in paths:
            image = self._root / path
            for beside in (image.with_name(f"{image.name}.new"), _beside(image)):
                self._disk.discard(beside)
        self._empty_work()

    def _keep(self, path: str) -> str:
        """Give the old one another name, where both fit; what to tell of it."""
        image, folder = self._root / path, self._own(KEPT)
        if not image.is_file() or self._free() < 2 * image.stat().st_size:
            return ""
        if not folder.is_dir():
            self._disk.make_directory(folder, 0o700)
        kept = folder / f"{image.name}.before"
        beside = kept.with_name(f"{kept.name}.new")
        self._disk.discard(beside)
        below = f"{KEPT.rpartition('/')[2]}/{kept.name}"
        told = f"the boot image from before is kept as `/{KEPT}/{kept.name}`: for GRUB to boot with it once, "
        told += f"press `e`, and put `{below}` for `{image.name}` into the line that begins with `initrd`"
        if kept.exists() and kept.samefile(image):  # of two names of one file, rename(2) keeps both
            return told
        if not self._link(image, beside):
            self._disk.write_file(beside, image.read_bytes(), 0o600)
        self._disk.rename(beside, kept)
        self._disk.sync_directory(folder)
        return told

    def _link(self, image: Path, beside: Path) -> bool:
        """Whether *beside* is another name now that keeps the bytes of *image*."""
        if self._system.image_tool == "mkinitcpio":  # `> "$out"`: it writes into the file that is there
            return False
        try:
            self._disk.link(image, beside)
        except OSError:  # /boot on FAT has no links
            return False
        return True

    def _initramfs_tools(self, kernel: Kernel) -> Finished:
        mode = "-u" if (self._root / f"boot/initrd.img-{kernel.release}").exists() else "-c"
        return self._run(["update-initramfs", mode, "-k", kernel.release])

    def _dracut(self, kernel: Kernel) -> Finished:
        """It writes into the file it is given: that is one beside, which is looked at before it counts."""
        said = Finished(0, b"", b"")
        for path in self._paths(kernel):
            image = self._root / path
            beside = _beside(image)
            inner = f"/{beside.relative_to(self._root)}"
            said = self._run(["dracut", "--force", inner, kernel.release])
            if beside.is_file():
                made = read_boot_image(self._root, str(beside.relative_to(self._root)))
                if made.problem or _faults(self._system, replace(kernel, images=(made,))):
                    self._disk.remove(beside)  # the old one stays, and is told
                else:
                    self._disk.sync_file(beside)
                    self._disk.rename(beside, image)
                    self._disk.sync_directory(image.parent)
        return said

    def _mkinitcpio(self, kernel: Kernel) -> Finished:
        """By the preset of the kernel's package, which knows the names of all its images."""
        name = SystemRoot(self._root).text(f"{kernel.folder}/pkgbase").strip()
        words = ["-p", name] if name else ["-k", kernel.release, "-g", f"/{self._paths(kernel)[0]}"]
        return self._run(["mkinitcpio", *words])

    def _run(self, command: Sequence[str]) -> Finished:
        """With temporary files where the next run finds what a kill has left."""
        folder = self._own(WORK)
        make_own(Layout.driver(self._root), self._disk, self._root)
        self._disk.make_directories(folder)
        self._disk.set_mode(folder, 0o700)
        try:
            return self._inside.run(command, environment={"TMPDIR": f"/{WORK}"})
        except FileNotFoundError:
            return Finished(127, b"", f"there is no `{command[0]}`".encode())
        finally:
            self._empty_work()

    def _empty_work(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            for one in tuple(self._own(WORK).iterdir()):
                self._disk.remove_tree(one) if one.is_dir() else self._disk.discard(one)

    def _own(self, path: str) -> Path:
        """A folder of ours. Raises Refused where a link on the way leads elsewhere: root would write there."""
        if within(self._root, path) != path:
            raise Refused(f"`{self._root / path}` leads elsewhere by a link, and is not written to")
        return self._root / path

    def sync(self) -> None:
        """All that was written to the root and to /boot, by whomever, has reached the disk when this returns."""
        for folder in (self._root, self._root / "boot"):
            if folder.is_dir():
                self._disk.sync_filesystem(folder)

    def _free(self) -> int:
        found = os.statvfs(self._root / "boot")
        return found.f_bavail * found.f_frsize


def _faults(system: System, kernel: Kernel) -> list[Fault]:
    return [one for one in boot_faults(system, kernel) if one.id.partition(":")[0] in IMAGE_ROWS]


def _dracut_image(kernel: Kernel) -> str:
    return f"boot/initramfs-{kernel.release}.img"


def _beside(image: Path) -> Path:
    return image.with_name(f".{PurePosixPath(image.name)}.rocmswitch-new")


def _megabytes(count: int) -> str:
    return f"{-(-count // 1_000_000)} MB"
