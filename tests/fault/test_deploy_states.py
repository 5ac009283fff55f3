"""What may lie on the disk after a cut in a change of other programs' files, and what it waits for."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from rocmswitch.system.disk import Change
from tests.support.deployments import SCENES, Ground, Scene, View, assert_whole, in_memory, play
from tests.support.disk import HastyDisk, PowerCut, RecordingDisk, remove_folder
from tests.support.power import State, states

MOST = 150
"""States of one recording that are tried: all where there are fewer, else evenly chosen ones."""
Found = tuple[View, tuple[int, ...], bool]
BY_NAME = {scene.name: scene for scene in SCENES}


class SharingDisk(RecordingDisk):
    """As on a file system that can share blocks: what is cloned is another file, whose content has to arrive."""

    def _clone(self, source: BinaryIO, target: BinaryIO, path: Path) -> None:
        self.about_to(Change("clone", path))
        target.write(os.pread(source.fileno(), 1 << 20, 0))


class Played:
    """A scene that is recorded again and again, and what is true before and after it."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self._scene = scene
        self._before, self.ground = Ground(folder / "before"), Ground(folder / "ground")
        self.ground.furnish()
        play(scene.before, self.ground)
        self.ground.copy_to(self._before.folder)
        self.ground.ledger().settle(wait=0)
        self._old = self.found()
        self._before.copy_to(self.ground.folder)
        scene.act(self.ground, HastyDisk())
        self._new = self.found()

    def record(self, disk: type[RecordingDisk] = RecordingDisk, **how: object) -> RecordingDisk:
        self._before.copy_to(self.ground.folder)
        recorded = disk(self.ground.folder, **how)  # type: ignore[arg-type]
        self._scene.act(self.ground, recorded)
        return recorded

    def record_killed(self, at: int) -> RecordingDisk:
        """The process is killed before the change number *at*, and the next one settles."""
        self._before.copy_to(self.ground.folder)
        recorded = KilledDisk(self.ground.folder, at=at)
        with pytest.raises(PowerCut):
            self._scene.act(self.ground, recorded)
        recorded.revive()
        self.ground.ledger(recorded).settle(wait=0)
        return recorded

    def breaches(self, recorded: RecordingDisk, most: int = MOST, finished: Found | None = None) -> Iterator[str]:
        """How the states that *recorded* allows break the law; the latest first, which show most.

        *finished* is how it must be when it had come to its end, if not as after the scene.
        """
        for state in reversed(_some(list(states(recorded)), most)):
            remove_folder(self.ground.folder)
            state.lay_out(self.ground.folder)
            try:
                self._check(state, finished or self._new)
            except Exception as error:  # noqa: BLE001 - whatever the next command stumbles over is a breach
                yield f"{'finished' if state.finished else 'cut'}: {type(error).__name__}: {error}"

    def _check(self, state: State, finished: Found) -> None:
        if state.finished and finished is self._new:
            assert not self.ground.ledger().is_interrupted
        self.ground.ledger().settle(wait=0)
        assert self.found() in ([finished] if state.finished else [self._old, self._new])

    def found(self) -> Found:
        numbers = assert_whole(self.ground)
        return self.ground.view(with_times=False), numbers, self.ground.ledger().is_pruned(1)


def _some(possible: list[State], most: int) -> list[State]:
    """All, or evenly chosen ones, and all of those after the end, which show most."""
    cut = [state for state in possible if not state.finished]
    step = max(1, -(-len(cut) // most))
    return cut[::step] + [state for state in possible if state.finished][:most]


@pytest.fixture
def folder() -> Iterator[Path]:
    with in_memory() as folder:
        yield folder


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
@pytest.mark.parametrize("disk", [RecordingDisk, SharingDisk], ids=["linking", "sharing"])
def test_every_state_that_a_power_cut_may_leave_is_lawful(scene: Scene, disk: type[RecordingDisk], folder: Path):
    played = Played(scene, folder)
    recorded = played.record(disk)

    breaches = list(played.breaches(recorded))

    print(f"{len(list(states(recorded)))} states")
    assert breaches == []


JOURNAL = ("sync_file journal/open.new", "sync_directory journal")
LIBRARY, ADDED, DATABASE = ".libMIOpen.so.rocmswitch", ".kernels.co.rocmswitch", ".gfx1010.db.rocmswitch"


def _begun(number: int) -> tuple[str, ...]:
    first = ("sync_directory .",) if number == 1 else ()
    return (*first, "sync_directory backups", *JOURNAL)


def _recorded(number: int) -> tuple[str, ...]:
    return (f"sync_file backups/{number}/record.new", f"sync_directory backups/{number}")


def _ended(number: int) -> tuple[str, ...]:
    saved = f"sync_directory backups/{number}"
    return (saved, *JOURNAL, "sync_folder lib", *_recorded(number), "sync_directory journal")


TAKEN_BACK = ("sync_folder lib", "sync_directory journal")
SYNCS = {
    "deploy": (
        *_begun(1),
        "sync_file backups/1/0.before",
        f"sync_in lib/{LIBRARY}-1.new",
        f"sync_in lib/{ADDED}-1.new",
        "sync_file backups/1/0.after",
        "sync_file backups/1/1.after",
        *_ended(1),
    ),
    "deploy to two folders": (
        *_begun(1),
        "sync_file backups/1/0.before",
        "sync_file backups/1/1.before",
        f"sync_in lib/{LIBRARY}-1.new",
        f"sync_in share/{DATABASE}-1.new",
        "sync_file backups/1/0.after",
        "sync_file backups/1/1.after",
        "sync_directory backups/1",
        *JOURNAL,
        "sync_folder lib",
        "sync_folder share",
        *_recorded(1),
        "sync_directory journal",
    ),
    "restore": (
        *_begun(2),
        "sync_file backups/2/0.before",
        "sync_file backups/2/0.after",
        *_ended(2),
    ),
    "undo": (
        *_begun(2),
        "sync_file backups/2/0.before",
        "sync_file backups/2/1.before",
        "sync_file backups/2/0.after",
        *_ended(2),
    ),
    "adopt": (
        "sync_directory .",
        "sync_directory backups",
        "sync_file backups/1/0.before",
        "sync_file backups/1/0.after",
        "sync_directory backups/1",
        *_recorded(1),
    ),
    "link": (*_begun(1), *JOURNAL, "sync_folder lib", *_recorded(1), "sync_directory journal"),
    "unlink": (*_begun(1), "sync_file backups/1/1.before", *_ended(1)),
    "prune": ("sync_directory backups/1",),
    "roll back before": TAKEN_BACK,
    "restore a copy": (
        *_begun(2),
        "sync_file backups/2/0.before",
        f"sync_in lib/{LIBRARY}-2.new",
        "sync_file backups/2/0.after",
        *_ended(2),
    ),
    "roll back a deployment": TAKEN_BACK,
    "roll back two folders": ("sync_folder share", *TAKEN_BACK),
    "roll back half": TAKEN_BACK,
    "roll back to a copy": (f"sync_in lib/{LIBRARY}-1.new.old", *TAKEN_BACK),
    "roll back an undo": TAKEN_BACK,
    "roll back links": TAKEN_BACK,
}
"""What each scene waits for, in this order."""


def _said(sync: Change, ground: Ground) -> str:
    is_own = sync.path.is_relative_to(ground.layout.data)
    return f"{sync.kind} {sync.path.relative_to(ground.layout.data if is_own else ground.site / 'torch')}"


@pytest.mark.parametrize("name", SYNCS)
def test_a_change_waits_for_these(name: str, folder: Path):
    played = Played(BY_NAME[name], folder)
    assert tuple(_said(sync, played.ground) for sync in played.record().syncs) == SYNCS[name]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param(name, number, id=f"{name}-{number} {sync}")
        for name, syncs in SYNCS.items()
        for number, sync in enumerate(syncs)
    ],
)
def test_without_any_one_sync_a_change_breaks_the_law(name: str, number: int, folder: Path):
    played = Played(BY_NAME[name], folder)

    found = [
        next(played.breaches(played.record(disk, without=number)), "") for disk in (RecordingDisk, SharingDisk)
    ]

    assert any(found)


class ForgetfulDisk(RecordingDisk):
    """Leaves one record out of every journal and of the generation's record: its kind and its index."""

    def __init__(self, root: Path, *, kind: str, index: int | None = None) -> None:
        super().__init__(root)
        self._forgotten = (kind, index)

    def write_file(self, path: Path, content: bytes, mode: int = 0o644) -> None:
        lines = content.splitlines(keepends=True)
        super().write_file(path, b"".join(line for line in lines if not self._is_forgotten(line)), mode)

    def _is_forgotten(self, line: bytes) -> bool:
        record = json.loads(line.partition(b" ")[2])
        return (record["record"], record.get("index")) == self._forgotten


RECORDS = [
    ("begin", None),
    *((kind, one) for kind in ("step", "ready", "placed") for one in (0, 1)),
    ("done", None),
]


@pytest.mark.parametrize(("kind", "index"), RECORDS, ids=str)
def test_without_any_one_journal_record_a_deployment_breaks_the_law(kind: str, index: int | None, folder: Path):
    played = Played(BY_NAME["deploy"], folder)

    recorded = played.record(ForgetfulDisk, kind=kind, index=index)

    assert next(played.breaches(recorded), "") != ""


class LazyDisk(RecordingDisk):
    """Does not give the file *name* its name the time number *count*: that stage of the journal is not written."""

    def __init__(self, root: Path, *, name: str, count: int) -> None:
        super().__init__(root)
        self._name_left_out, self._left = name, count

    def rename(self, path: Path, target: Path) -> None:
        self._left -= target.name == self._name_left_out
        if target.name != self._name_left_out or self._left != 0:
            super().rename(path, target)


@pytest.mark.parametrize(("name", "count"), [("open", 1), ("open", 2), ("record", 1)])
def test_without_any_one_stage_of_its_journal_a_deployment_breaks_the_law(name: str, count: int, folder: Path):
    played = Played(BY_NAME["deploy"], folder)

    recorded = played.record(LazyDisk, name=name, count=count)

    assert next(played.breaches(recorded), "") != ""


class KilledDisk(RecordingDisk):
    """Its process is killed before the change number *at*; `revive` is the next process, on the same disk."""

    def __init__(self, root: Path, *, at: int = -1) -> None:
        super().__init__(root)
        self._at, self.count = at, 0
        self._is_dead = False

    def about_to(self, change: Change) -> None:
        self._is_dead = self._is_dead or self.count == self._at
        if self._is_dead:
            raise PowerCut(change)
        self.count += 1

    def _sync(self, number: int | None, change: Change) -> None:
        self.about_to(change)
        super()._sync(number, change)

    def revive(self) -> None:
        self._is_dead, self._at = False, -1


@pytest.mark.parametrize("name", ["deploy", "undo"])
def test_a_power_cut_after_a_kill_was_settled_leaves_what_was_settled(name: str, folder: Path):
    played = Played(BY_NAME[name], folder)
    whole = played.record(KilledDisk)
    assert isinstance(whole, KilledDisk)
    outcomes = set()
    for at in range(whole.count):
        recorded = played.record_killed(at)
        settled = played.found()
        outcomes.add(settled[1])

        assert list(played.breaches(recorded, most=15, finished=settled)) == [], at
    assert len(outcomes) == 2
