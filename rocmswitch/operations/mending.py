"""The files of a recovery: from what a plan says to what a ledger carries out, and what broken runs have left."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Refused
from rocmswitch.host.systemroot import SystemRoot, within
from rocmswitch.model.deployment import ABSENT, Content, NewFile, NewText, NoFile, Replacement
from rocmswitch.model.kernel import System
from rocmswitch.model.recovery import (
    PACKAGE,
    Candidate,
    Disable,
    FileAction,
    Rebuild,
    RecoveryPlan,
    Restore,
    SetAside,
    Write,
)
from rocmswitch.operations.packagesource import content_of
from rocmswitch.planning.dkmsswitch import MARK, NAMELESS, joined, switch_path
from rocmswitch.store.layout import Layout
from rocmswitch.store.ownfolders import make_own
from rocmswitch.system.disk import Disk

DISABLED = ".rocmswitch-disabled"
"""Behind the name of a file of settings: modprobe.d(5) reads only what ends in `.conf`."""
_REMAINS = ".rocmswitch-new"
_UNFINISHED = re.compile(r"modules\.[a-z.]+\.(\d+)\.\d+\.\d+")
"""What depmod gives another name once it is complete: `modules.dep.PROCESS.MICROSECONDS.SECONDS`."""
_REPLACED = re.compile(r"initrd\.img-.+\.dpkg-bak")
"""The image from before, which update-initramfs removes at its end: of no use, and /boot is small."""
WORK = "scratch"
_FOLDERS = ("etc/modprobe.d", "etc/modules-load.d", "etc/dkms", "lib/firmware/updates")
_WRITTEN = re.compile(r"\..+\.rocmswitch-\d+\.new")
"""What a recorded change writes beside its target: nobody's, where there is no journal that knows it."""


def work_folder(system: System, name: str, disk: Disk) -> Path:
    """An empty folder of root's below *system*, for files that count for nothing afterwards."""
    layout = Layout.driver(Path(system.root))
    make_own(layout, disk, Path(system.root))
    folder = layout.data / WORK / name
    disk.remove_tree(folder)
    disk.make_directories(folder)
    disk.set_mode(folder, 0o700)
    return folder


def remains(system: System) -> tuple[Path, ...]:
    """What was written beside its target by a run that was killed, or by its programs: nobody else removes it."""
    root = Path(system.root)
    reading = SystemRoot(root)
    sources = (one.source for one in system.dkms if one.source)
    folders = dict.fromkeys(reading.within(one) for one in (*_FOLDERS, *sources))
    folders |= dict.fromkeys(kernel.folder for kernel in system.kernels)
    is_known = os.path.lexists(Layout.driver(root).open_journal)
    beside = [path for one in folders for path in reading.below(one) if _is_beside(path, is_known=is_known)]
    boot = reading.within("boot")
    beside += [f"{boot}/{one}" for one in reading.names(boot) if one.endswith(_REMAINS) or _REPLACED.fullmatch(one)]
    for folder in (kernel.folder for kernel in system.kernels):
        beside += [f"{folder}/{name}" for name in reading.names(folder) if _is_unfinished(name)]
    return tuple(root / path for path in beside)


def _is_beside(path: str, *, is_known: bool) -> bool:
    """With a journal, whoever ends the change that it tells of takes away what that has written."""
    return path.endswith(_REMAINS) or (not is_known and bool(_WRITTEN.fullmatch(path.rpartition("/")[2])))


def _is_unfinished(name: str) -> bool:
    """Whether a depmod that is not there any more has left it."""
    match = _UNFINISHED.fullmatch(name)
    try:
        return match is not None and Path(f"/proc/{match[1]}/comm").read_bytes() != b"depmod\n"
    except OSError:
        return True


def remove_remains(system: System, disk: Disk) -> None:
    """Remove that, and the folder that work was done in."""
    for path in remains(system):
        disk.discard(path)
    disk.remove_tree(Layout.driver(Path(system.root)).data / WORK)


class Mending:
    """Makes replacements. What comes out of packages is written into *work*, an empty folder, before."""

    def __init__(self, ledger: Ledger, work: Path, disk: Disk) -> None:
        self._ledger, self._work, self._disk = ledger, work, disk

    def replacements(self, plan: RecoveryPlan) -> tuple[Replacement, ...]:
        """What the files of *plan* become: one change, whole. Raises Refused, VerificationFailed, OSError."""
        found: dict[str, Content] = {}
        for action in plan.files:
            found |= dict(self._contents(action))
        for one in plan.rebuild:
            found |= dict(self._of_rebuild(one))
        found |= self._nameless(found.get(NAMELESS), plan.rebuild)
        return tuple(self._replacement(path, content) for path, content in found.items())

    def _contents(self, action: FileAction) -> Iterator[tuple[str, Content]]:
        match action:
            case Restore(path=path, candidate=candidate):
                yield path, self._bytes_of(path, candidate)
            case SetAside(path=path):
                yield path, NoFile()
            case Write(path=path, text=text):
                yield path, NewText(text)
            case Disable(path=path, is_ours=is_ours):
                if not is_ours:
                    yield self._free_name(path), self._same(path)
                yield path, NoFile()

    def _of_rebuild(self, one: Rebuild) -> Iterator[tuple[str, Content]]:
        """Its files, and nothing of ours that would keep DKMS from building it."""
        for path, candidate in one.files:
            yield path, self._bytes_of(path, candidate)
        switch = switch_path(one.name, one.version)
        if self._own_text(switch):
            yield switch, NoFile()

    def _nameless(self, added: Content | None, rebuilt: Iterable[Rebuild]) -> dict[str, Content]:
        """The one switch that is for several modules: it goes on saying what it says of others."""
        before, more = self._own_text(NAMELESS), added.text if isinstance(added, NewText) else ""
        text = joined(before, more, [(one.name, one.version) for one in rebuilt])
        if text == before:
            return {NAMELESS: NewText(text)} if more else {}
        return {NAMELESS: NewText(text) if text else NoFile()}

    def _own_text(self, path: str) -> str:
        """What a file of ours says; nothing where there is none, or it is somebody else's."""
        text = SystemRoot(self._ledger.base).text(path)
        return text if text.startswith(MARK) else ""

    def _bytes_of(self, path: str, candidate: Candidate) -> NewFile:
        contents = candidate.contents
        if contents is None:
            raise Refused(f"nobody has looked at {candidate.where}, from which `/{path}` was to come")
        source = Path(candidate.file)
        if candidate.kind == PACKAGE:
            source = self._work / f"{len(tuple(self._work.iterdir()))}"
            self._disk.write_file(source, content_of(candidate), 0o600)
        return NewFile(str(source), contents.size, contents.sha256, is_roots=True)

    def _same(self, path: str) -> NewFile:
        """What stands at *path*, for another name."""
        file = self._ledger.base / path
        seen = self._ledger.seen(path)
        return NewFile(str(file), seen.size, seen=seen)

    def _free_name(self, path: str) -> str:
        names = [f"{path}{DISABLED}", *(f"{path}{DISABLED}-{number}" for number in range(2, 100))]
        return next(name for name in names if self._ledger.seen(name).kind == ABSENT)

    def _replacement(self, path: str, content: Content) -> Replacement:
        base = self._ledger.base
        folder = path.rpartition("/")[0]
        if within(base, folder) != folder:
            raise Refused(f"`{base / folder}` leads elsewhere by a link, and nothing is changed there")
        if not isinstance(content, NoFile):
            self._disk.make_directories(base / folder)
        return Replacement("/", path, self._ledger.seen(path), content)


def unopened(plan: RecoveryPlan) -> tuple[Candidate, ...]:
    """The packages that *plan* relies on, and nobody has opened."""
    return tuple(one for one in _chosen(plan) if one.kind == PACKAGE and one.contents is None)


def room_for(plan: RecoveryPlan, system: System) -> int:
    """Bytes that *plan* may take: what comes, out of packages twice, what is kept of what goes, and boot images."""
    coming = sum(2 * one.contents.size for one in _chosen(plan) if one.contents)
    places = [Path(system.root, one.path) for one in plan.files]
    going = sum(place.lstat().st_size for place in places if os.path.lexists(place))
    made = (image for kernel in system.kernels if kernel.release in plan.images for image in kernel.images)
    return coming + going + sum(2 * image.size for image in made)


def _chosen(plan: RecoveryPlan) -> tuple[Candidate, ...]:
    restored = (one.candidate for one in plan.files if isinstance(one, Restore))
    rebuilt = (candidate for one in plan.rebuild for _, candidate in one.files)
    return (*restored, *rebuilt)
