"""What the next boot finds, made anew from the files as they are: the index of modules, and boot images.

Programs are asked, and never believed: depmod and update-initramfs end with 0 also where they have packed a module
that is cut off. What counts is what lies on the disk afterwards, and only once it has reached it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.host.modulefiles import read_kernels
from rocmswitch.model.kernel import AMDGPU, Kernel, System
from rocmswitch.model.recovery import Lack
from rocmswitch.operations.bootimages import BootImages
from rocmswitch.system import process
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.inside import Inside
from rocmswitch.system.process import Finished

Telling = Callable[[str], None]


@dataclass(frozen=True)
class Renewed:
    """What was made anew, and looked at; and what could not be. Sentences without a full stop."""

    done: tuple[str, ...] = ()
    lacks: tuple[Lack, ...] = ()


def silent(_: str) -> None:
    """For whoever shows no progress."""


def renew(
    system: System, index: Sequence[str], images: Sequence[str], disk: Disk, tell: Telling = silent
) -> Renewed:
    """Make the index of the kernels *index* anew, then the boot images of *images*, and look at both.

    Of *system* only its root, its architecture and its tools count: its modules are read again. *tell* hears what
    comes next. Nothing here is recorded, nothing is loaded: what a cut leaves undone is found by reading, and done
    the next time. Raises MachineLacks where the disk fails.
    """
    root = Path(system.root)
    inside = Inside(root)
    done: list[str] = []
    lacks: list[Lack] = []
    with disk_errors(root):
        for kernel in index:
            tell(f"writing the index of kernel {kernel}")
            _write_index(kernel, system, inside)
        disk.sync_filesystem(root)
        now = {one.release: one for one in read_kernels(root)}
        for kernel in index:
            wrong = _wrong_with_index(now[kernel], system, inside) if kernel in now else ""
            if wrong:
                lacks.append(Lack(wrong, _again(root), now[kernel].folder))
            elif kernel in now:
                done.append(f"the index of kernel {kernel} leads to the right amdgpu")
        tool = BootImages(system, inside, disk)
        for kernel in images:
            if kernel in now:
                tell(f"making the boot image of kernel {kernel}, which takes a while")
                made, lacking = tool.renew(now[kernel])
                done += made
                lacks += lacking
    return Renewed(tuple(done), tuple(lacks))


def _write_index(kernel: str, system: System, inside: Inside) -> None:
    """By that system's own depmod, else by this machine's; of kmod only."""
    if system.runs_here and inside.finds("depmod") and _is_kmod(inside.run(["depmod", "--version"])):
        inside.run(["depmod", kernel])
        return
    try:
        # busybox's writes an index that kmod does not read, and leaves the old one beside it.
        if _is_kmod(process.run(["depmod", "--version"])):
            process.run(["depmod", "-b", system.root, kernel])
    except FileNotFoundError:
        return  # as after any other failure, what lies on the disk is looked at


def _is_kmod(said: Finished) -> bool:
    return b"kmod" in said.stdout


def _wrong_with_index(kernel: Kernel, system: System, inside: Inside) -> str:
    """What keeps amdgpu from being loaded by it, as a sentence without a full stop; nothing where all is well."""
    files = {one.name: one for one in reversed(kernel.modules)}
    listed = dict(kernel.listed)
    for name, file in files.items():
        if listed.get(name) != file.path:
            there = f"`/{listed[name]}`" if listed.get(name) else "nothing"
            return f"the index of kernel {kernel.release} has {there} for {name}, instead of `/{file.path}`"
    if AMDGPU not in files:
        return ""
    if not kernel.has_aliases:
        return f"the index of kernel {kernel.release} leads from no card to amdgpu: nothing would load it"
    found = _asked_of_modprobe(kernel.release, system, inside)
    if found is not None and _below_kernel(found, kernel) != _below_kernel(files[AMDGPU].path, kernel):
        return f"modprobe would load `{found or 'nothing'}` in kernel {kernel.release}"
    return ""


def _asked_of_modprobe(kernel: str, system: System, inside: Inside) -> str | None:
    """The file that `modprobe -D` names, which loads nothing; None where there is no modprobe of kmod to ask.

    Without the system's settings: an `install` line would be named in the place of a file.
    """
    words = ["-S", kernel, "-C", "/dev/null", "-D", AMDGPU]
    try:
        if system.runs_here and inside.finds("modprobe"):
            said, version = inside.run(["modprobe", *words]), inside.run(["modprobe", "--version"])
        else:
            said = process.run(["modprobe", "-d", system.root, *words])
            version = process.run(["modprobe", "--version"])
    except FileNotFoundError:
        return None
    if not _is_kmod(version):
        return None
    lines = [line.split() for line in said.stdout.decode(errors="replace").splitlines()]
    return next((line[1] for line in reversed(lines) if line[0] == "insmod" and len(line) > 1), "")


def _below_kernel(path: str, kernel: Kernel) -> str:
    """Without what is before the kernel's folder: `lib/` and `usr/lib/` may be one."""
    return path.rpartition(f"modules/{kernel.release}/")[2]


def _again(root: Path) -> str:
    return f"run `rocmswitch recover --root {root} --apply` again, once its kmod works"
