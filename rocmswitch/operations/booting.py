"""What the next boot finds, made anew from the files as they are: the index of modules, and boot images.

Programs are asked, and never believed: depmod and update-initramfs end with 0 also where they have packed a module
that is cut off. What counts is what lies on the disk afterwards, and only once it has reached it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.host.modulefolders import RULES
from rocmswitch.host.system import read_system
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import AMDGPU, Kernel, System
from rocmswitch.model.recovery import Fault, Lack
from rocmswitch.operations.bootimages import BootImages, Made
from rocmswitch.planning.bootfaults import IMAGE_ROWS, INDEX_ROWS, boot_faults
from rocmswitch.planning.reinstalling import plan_line, recover
from rocmswitch.planning.unifiedimages import is_left_alone, made_anew
from rocmswitch.store.layout import Layout
from rocmswitch.store.ownfolders import make_own
from rocmswitch.system import process
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.inside import Inside
from rocmswitch.system.lock import held
from rocmswitch.system.process import Finished

Telling = Callable[[str], None]


@dataclass(frozen=True)
class Renewed:
    """What was made anew, and looked at; and what could not be. Sentences without a full stop."""

    done: tuple[str, ...] = ()
    lacks: tuple[Lack, ...] = ()


def silent(_: str) -> None:
    """For whoever shows no progress."""


@contextlib.contextmanager
def alone(root: Path, disk: Disk, wait: float) -> Iterator[None]:
    """Nobody else changes meanwhile what the kernels of the system at *root* load, or makes boot images of it.

    Two that make one image at once would write into one file. *wait* is seconds. Raises Busy, Refused,
    MachineLacks.
    """
    layout = Layout.driver(root)
    with disk_errors(root):
        make_own(layout, disk, root)
        what = f"the kernel modules of `{root}`"
        with held(layout.locks / "recover.lock", wait=wait, what=what):
            # Of one that was killed, what it had started may still write boot images.
            with held(programs_lock(root), wait=wait, what=what):
                pass
            yield


def programs_lock(root: Path) -> Path:
    """What every program holds that makes an index, a boot image or a module of the system at *root*."""
    return Layout.driver(root).locks / "programs.lock"


def renew(
    system: System, index: Sequence[str], images: Sequence[str], disk: Disk, tell: Telling = silent
) -> Renewed:
    """Make the index of the kernels *index* anew, then the boot images of *images*, and look at both.

    Of *system* only its root, its architecture and its tools count: it is read again. *tell* hears what comes next.
    Nothing here is recorded, nothing is loaded: what a cut leaves undone is found by reading, and done the next
    time. Raises MachineLacks where the disk fails.
    """
    root = Path(system.root)
    inside = Inside(root, programs_lock(root))
    with disk_errors(root):
        said = {}
        for kernel in index:
            tell(f"writing the index of kernel {kernel}")
            said[kernel] = _write_index(kernel, system, inside)
        BootImages(system, inside, disk).sync()
        now = read_system(root)
        indexed = _indexed(now, said, inside)
        tool = BootImages(now, inside, disk)
        made = []
        for one in (one for one in now.kernels if one.release in images):
            if not is_left_alone(now, one):
                tell(f"making the boot image of kernel {one.release}, which takes a while")
            made.append(tool.make(one))
        if made:
            now = read_system(root)
    return _together(indexed, *(_checked(one, now) for one in made))


def _together(*parts: Renewed) -> Renewed:
    done = tuple(one for part in parts for one in part.done)
    return Renewed(done, tuple(one for part in parts for one in part.lacks))


def _indexed(system: System, said: Mapping[str, str], inside: Inside) -> Renewed:
    """What is to be said of the indexes that were just written; *said* has depmod's complaint for each."""
    done, lacks = [], []
    for kernel in (one for one in system.kernels if one.release in said):
        wrong = [f"{one.what}: {one.evidence}" for one in _faults(system, kernel, INDEX_ROWS)]
        wrong = wrong or [*filter(None, [_wrong_with_loading(kernel, system, inside)])]
        complaint = f" (depmod said: {said[kernel.release]})" if said[kernel.release] else ""
        cure = f"run `{plan_line(system)}`, which says what helps"
        lacks += [Lack(f"{one}{complaint}", cure) for one in wrong]
        if not wrong:
            winner = kernel.winner(AMDGPU)
            where = f"leads to `/{winner.path}`" if winner else "is written anew"
            done.append(f"the index of kernel {kernel.release} {where}")
    return Renewed(tuple(done), tuple(lacks))


def _checked(made: Made, system: System) -> Renewed:
    """What is to be said of images that were just made, which *system* was read after."""
    if made.lack:
        return Renewed(made.notes, (made.lack,))
    kernel = next(one for one in system.kernels if one.release == made.kernel)
    said = f" ({system.image_tool} said: {made.said})" if made.said else ""
    again = f"`{recover(system)}`"
    unified = {one.path: made_anew(system, kernel, one) for one in kernel.images if one.is_unified}
    lacks = [
        Lack(f"{one.what}: {one.evidence}{said}", f"run {unified.get(one.path, again)}", one.path)
        for one in _faults(system, kernel, IMAGE_ROWS)
    ]
    wrong = {one.path for one in lacks}
    paths = [one.path for one in kernel.images if one.path not in wrong]
    return Renewed((*(f"`/{path}` holds what the system has" for path in paths), *made.notes), tuple(lacks))


def _faults(system: System, kernel: Kernel, rows: Sequence[str]) -> list[Fault]:
    return [one for one in boot_faults(system, kernel) if one.id.partition(":")[0] in rows]


def _write_index(kernel: str, system: System, inside: Inside) -> str:
    """By that system's own depmod, else by this machine's; of kmod only. Gives its last complaint."""
    if system.runs_here and inside.finds("depmod") and _is_kmod(inside.run(["depmod", "--version"])):
        return _complaint(inside.run(["depmod", kernel]))
    files = SystemRoot(Path(system.root))
    folder = f"lib/modules/{kernel}"
    # What is outside follows links as it sees them: `lib` may be one to `/usr/lib`, which is this machine's there.
    if (files.root / folder).resolve() != (files.root / files.within(folder)).resolve():
        return f"not run, as `{files.root / folder}` leads elsewhere by a link"
    # Without -C it goes by this machine's depmod.d (depmod.c of kmod 30).
    rules = [word for one in RULES for word in ("-C", str(files.root / files.within(one)))]
    try:
        # busybox's writes an index that kmod does not read, and leaves the old one beside it.
        if _is_kmod(process.run(["depmod", "--version"])):
            return _complaint(process.run(["depmod", *rules, "-b", system.root, kernel]))
    except FileNotFoundError:
        pass  # as after any other failure, what lies on the disk is looked at
    return "not run, as there is none of kmod"


def _complaint(said: Finished) -> str:
    lines = said.stderr.decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _is_kmod(said: Finished) -> bool:
    return b"kmod" in said.stdout


def _wrong_with_loading(kernel: Kernel, system: System, inside: Inside) -> str:
    """Which other amdgpu modprobe would load; nothing where all is well, or nobody can be asked."""
    winner = kernel.winner(AMDGPU)
    found = _asked_of_modprobe(kernel.release, system, inside) if winner else None
    if winner is None or found is None or _below_kernel(found, kernel) == _below_kernel(winner.path, kernel):
        return ""
    return f"modprobe would load `{found or 'nothing'}` under kernel {kernel.release}, instead of `/{winner.path}`"


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
