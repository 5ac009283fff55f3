"""A small folder of libraries that a ledger changes, and what must hold of both whatever happens."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pytest

from rocmswitch.deploy.backup import Vault
from rocmswitch.deploy.ledger import Ledger
from rocmswitch.model.deployment import (
    Adopted,
    Content,
    FileState,
    Generation,
    Intent,
    NewFile,
    NewLink,
    NoFile,
    Place,
    Replacement,
    SavedFile,
)
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Change, Disk
from rocmswitch.system.folder import Folder
from tests.support.disk import HastyDisk, PowerCut, remove_folder

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
LONG_AGO = 978_307_200_123_456_789
"""st_mtime_ns of all that lies there at first; whatever has another one is new."""
LIBRARY, ADDED, LINKED = "torch/lib/libMIOpen.so", "torch/lib/kernels.co", "torch/lib/current"
DATABASE = "torch/share/gfx1010.db"
WAIT = 10.0

View = dict[str, tuple[object, ...]]


@dataclass(frozen=True)
class Ground:
    """`site` is an environment's, `layout` the ledger's; both below `folder`."""

    folder: Path

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def layout(self) -> Layout:
        return Layout.under(self.folder / "own")

    def furnish(self) -> None:
        """Three libraries, one with a copy beside it, and a link; a file in another folder."""
        library = self.site / "torch/lib"
        library.mkdir(parents=True)
        (self.site / DATABASE).parent.mkdir()
        (self.site / DATABASE).write_bytes(b"database" * 400)
        for name, content, mode in (
            ("libMIOpen.so", b"original" * 500, 0o755),
            ("libMIOpen.so.original", b"older" * 500, 0o644),
            ("libother.so", b"untouched", 0o640),
        ):
            (library / name).write_bytes(content)
            (library / name).chmod(mode)
        (library / "current").symlink_to("libMIOpen.so")
        (self.folder / "patched.so").write_bytes(b"patched" * 700)
        (self.folder / "kernels").write_bytes(b"kernel" * 300)
        self.layout.data.mkdir(parents=True)
        self.age()

    def age(self) -> None:
        """Let everything that lies in `site` be as old as what was there at first."""
        for path in self.site.rglob("*"):
            os.utime(path, ns=(LONG_AGO, LONG_AGO), follow_symlinks=False)

    def ledger(self, disk: Disk | None = None) -> Ledger:
        """A new process's; it does all in one thread, in a fixed order."""
        return Ledger(self.layout, disk or HastyDisk(), NOON, is_side_by_side=False)

    def replacement(self, path: str, content: Content, known: FileState | None = None) -> Replacement:
        """What a plan says that is made now."""
        place = self.site / path
        with Folder.reached(place.parent) as folder:
            return Replacement(str(self.site), path, folder.seen(place.name), content, known)

    def patched(self) -> NewFile:
        return new_file(self.folder / "patched.so")

    def carry_out(self, disk: Disk | None, verb: str, *replacements: Replacement) -> Generation:
        return self.ledger(disk).carry_out(intent(self.site, verb), replacements, wait=WAIT)

    def view(self, *, with_times: bool = True) -> View:
        """All that lies in `site`, but what folders are; a time is shown where it is the first one."""
        found: View = {}
        for path in sorted(self.site.rglob("*")):
            about = path.lstat()
            is_link = path.is_symlink()
            content = "" if path.is_dir() and not is_link else _content(path)
            owners = (about.st_uid, about.st_gid) if with_times else ()
            is_old = with_times and about.st_mtime_ns == LONG_AGO and content != ""
            found[str(path.relative_to(self.site))] = (content, oct(about.st_mode), *owners, is_old)
        return found

    def copy_to(self, target: Path) -> None:
        remove_folder(target)
        shutil.copytree(self.folder, target, symlinks=True)


def intent(site: Path, verb: str = "deploy") -> Intent:
    found = site.stat()
    return Intent(verb, Place("foreign", str(site), str(site), str(site), found.st_dev, found.st_ino))


def new_file(path: Path) -> NewFile:
    return NewFile(str(path), path.stat().st_size)


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def in_memory() -> Iterator[Path]:
    """A folder in memory, where that can be: many small files are made and removed."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)
        for path in Path(name).iterdir():
            remove_folder(path)


Act = Callable[[Ground, Disk], object]


def deploy(ground: Ground, disk: Disk) -> Generation:
    """One file replaced, one new."""
    kernels = new_file(ground.folder / "kernels")
    added = ground.replacement(ADDED, kernels)
    return ground.carry_out(disk, "deploy", ground.replacement(LIBRARY, ground.patched()), added)


def deploy_apart(ground: Ground, disk: Disk) -> Generation:
    """One file in each of two folders."""
    database = ground.replacement(DATABASE, new_file(ground.folder / "kernels"))
    return ground.carry_out(disk, "deploy", ground.replacement(LIBRARY, ground.patched()), database)


def restore(ground: Ground, disk: Disk) -> Generation:
    """One file as it was, with what stands there known."""
    (first,) = (step for step in ground.ledger().generation(1).steps if step.path == LIBRARY)
    saved = SavedFile(1, first.saved, first.before)
    known = first.after if first.placed == ground.replacement(LIBRARY, saved).seen else None
    return ground.carry_out(disk, "restore", ground.replacement(LIBRARY, saved, known))


def undo(ground: Ground, disk: Disk) -> Generation:
    """What generation 1 did, taken back: one file as it was, one gone."""
    contents: list[Content] = [
        SavedFile(1, step.saved, step.before) if step.saved else NoFile()
        for step in ground.ledger().generation(1).steps
    ]
    replacements = (ground.replacement(path, one) for path, one in zip((LIBRARY, ADDED), contents, strict=True))
    return ground.carry_out(disk, "undo", *replacements)


def adopt(ground: Ground, disk: Disk) -> Generation:
    return ground.carry_out(disk, "adopt", ground.replacement(LIBRARY, Adopted(f"{LIBRARY}.original")))


def link(ground: Ground, disk: Disk) -> Generation:
    """One link says something else, one is new."""
    added = ground.replacement("torch/lib/newest", NewLink("../lib/libother.so"))
    return ground.carry_out(disk, "default", ground.replacement(LINKED, NewLink("libother.so")), added)


def unlink(ground: Ground, disk: Disk) -> Generation:
    """A link goes, and a file becomes a link."""
    linked = ground.replacement("torch/lib/libother.so", NewLink("libMIOpen.so"))
    return ground.carry_out(disk, "remove", ground.replacement(LINKED, NoFile()), linked)


def prune(ground: Ground, disk: Disk) -> int:
    return ground.ledger(disk).prune([1], wait=WAIT)


def settle(ground: Ground, disk: Disk) -> Intent | None:
    return ground.ledger(disk).settle(wait=WAIT)


class StoppingDisk(HastyDisk):
    """Loses power right after the change number *count* of the kind *after*; links nothing where not *links*."""

    def __init__(self, after: str = "", count: int = 0, *, links: bool = True) -> None:
        self._after, self._left, self._links = after, count, links
        self._is_over = False

    def about_to(self, change: Change) -> None:
        if self._is_over:
            raise PowerCut(change)
        self._left -= change.kind == self._after
        self._is_over = self._left == 0 and change.kind == self._after

    def link_out(self, folder: Folder, name: str, target: Path) -> None:
        if not self._links:
            raise OSError(errno.EXDEV, "another file system")
        super().link_out(folder, name, target)


def broken_off(act: Act, after: str, count: int, *, links: bool = True) -> Act:
    """*act*, whose power is cut right after the change number *count* of the kind *after*."""

    def cut(ground: Ground, _: Disk) -> None:
        with pytest.raises(PowerCut):
            act(ground, StoppingDisk(after, count, links=links))

    return cut


def deploy_with_copies(ground: Ground, _: Disk) -> Generation:
    """As between two file systems: what is saved is a copy."""
    return deploy(ground, StoppingDisk(links=False))


@dataclass(frozen=True)
class Scene:
    """A change of other programs' files, and what was done before it."""

    name: str
    before: tuple[Act, ...]
    act: Act


SCENES = (
    Scene("deploy", (), deploy),
    Scene("deploy to two folders", (), deploy_apart),
    Scene("restore", (deploy,), restore),
    Scene("restore what is there", (deploy, undo), restore),
    Scene("undo", (deploy,), undo),
    Scene("adopt", (), adopt),
    Scene("link", (), link),
    Scene("unlink", (), unlink),
    Scene("prune", (deploy,), prune),
    Scene("restore a copy", (deploy_with_copies,), restore),
    Scene("roll back before", (broken_off(deploy, "sync_in", 2),), settle),
    Scene("roll back a deployment", (broken_off(deploy, "rename_in", 2),), settle),
    Scene("roll back two folders", (broken_off(deploy_apart, "rename_in", 2),), settle),
    Scene("roll back half", (broken_off(deploy, "rename_in", 1),), settle),
    Scene("roll back to a copy", (broken_off(deploy, "rename_in", 2, links=False),), settle),
    Scene("roll back an undo", (deploy, broken_off(undo, "remove_in", 1)), settle),
    Scene("roll back links", (broken_off(unlink, "rename_in", 1),), settle),
)


def assert_whole(ground: Ground) -> tuple[int, ...]:
    """Every generation is whole, and nothing lies there that none accounts for. Returns their numbers."""
    ledger, layout = ground.ledger(), ground.layout
    assert not ledger.is_interrupted
    assert ledger.damaged() == ()
    for one in ledger.generations():
        vault = Vault(layout.backups / str(one.number), HastyDisk())
        states = [(step.saved, step.before) for step in one.steps] + [(step.kept, step.after) for step in one.steps]
        names = {"record", "pruned"} if ledger.is_pruned(one.number) else {"record"}
        if not ledger.is_pruned(one.number):
            for name, state in states:
                if name:
                    vault.check(name, state)
            names |= {name for name, _ in states if name}
        assert _names(layout.backups / str(one.number)) == names
    numbers = tuple(one.number for one in ledger.generations())
    assert _names(layout.journal) == set()
    assert _names(layout.backups) == {str(number) for number in numbers}
    return numbers


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def play(acts: Iterable[Act], ground: Ground) -> None:
    for act in acts:
        act(ground, HastyDisk())
