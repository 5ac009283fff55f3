"""What may lie on the disk after the power was cut in a whole installation, and that no sync of it is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rocmswitch.system.disk import Change
from tests.support.disk import ROOT, RecordingDisk, Synced, remove_folder
from tests.support.faults import Hands, Stage, assert_sound, assert_tidy
from tests.support.keys import KeyFolder
from tests.support.power import State, states
from tests.support.tinystack import TinyServer

MOST = 120
"""States of one scene that are tried: all where there are fewer, else evenly chosen ones."""

Act = Callable[[Hands], object]


class TwoDisks(RecordingDisk):
    """The data folder is a file system of its own: syncing it does not sync the cache."""

    def sync_filesystem(self, path: Path) -> None:
        change = Change("sync_filesystem", path)
        self.syncs.append(change)
        if len(self.syncs) - 1 != self._without:
            top = self.names[ROOT, path.relative_to(self._root).parts[0]]
            self.events += [Synced(node, change) for node in self._at_and_below(top)]

    def _at_and_below(self, top: int) -> Iterator[int]:
        yield top
        for (folder, _), node in self.names.items():
            if folder == top:
                yield from self._at_and_below(node)


@dataclass(frozen=True)
class Scene:
    """A command, and what was done before it. `unneeded` are syncs without which the law holds."""

    name: str
    before: tuple[Act, ...]
    act: Act
    unneeded: tuple[str, ...] = ()
    keeps: bool = False
    """What it takes away can be brought back."""


SCENES = (
    # Three files go into one folder: what syncs it last keeps the names of all.
    Scene("plan", (), lambda hands: hands.plan(), unneeded=("sync_directory cache/indexes",)),
    # The folder of partial downloads, which may be lost.
    Scene(
        "first install",
        (lambda hands: hands.plan(),),
        lambda hands: hands.install(),
        unneeded=("sync_directory cache",),
    ),
    Scene("another set", (lambda hands: hands.install(),), lambda hands: hands.install("compiler")),
    # A removal saves no file, and its journal is written twice before the name goes; once it is recorded, the
    # journal may stay; scripts that come back are swept.
    Scene(
        "remove",
        (lambda hands: hands.install(),),
        Hands.remove,
        unneeded=(
            "sync_directory data/backups/1",
            "sync_directory data/journal",
            "sync_directory data/activations",
        ),
        keeps=True,
    ),
    # What is purged need not be kept from the first change on.
    Scene(
        "purge",
        (lambda hands: hands.install(),),
        Hands.purge,
        unneeded=(
            "sync_directory data/backups/1",
            "sync_directory data/journal",
            "sync_directory data/activations",
        ),
    ),
)


@dataclass(frozen=True)
class Played:
    """A scene, and what is true before and after it."""

    scene: Scene
    stage: Stage
    before: Path
    old: dict[str, str]
    new: dict[str, str]
    kept: dict[str, bytes]
    """What must be there when the command has ended: files and links, without locks."""

    @classmethod
    def of(cls, scene: Scene, stage: Stage) -> Played:
        before = stage.prepare(scene.before)
        stage.set_up(before)
        old = stage.trees()
        scene.act(stage.hands())
        stage.hands().sweep()
        return cls(scene, stage, before, old, stage.trees(), _content(stage.folder))

    def record(self, without: int | None = None) -> RecordingDisk:
        self.stage.set_up(self.before)
        disk = TwoDisks(self.stage.folder, without=without)
        self.scene.act(self.stage.hands(disk))
        return disk

    def breach(self, state: State) -> str:
        """How *state* breaks the law; empty where it does not."""
        remove_folder(self.stage.folder)
        state.lay_out(self.stage.folder)
        try:
            self._check(state)
        except Exception as error:  # noqa: BLE001 - whatever the next command stumbles over is a breach
            return f"{'finished' if state.finished else 'cut'}: {type(error).__name__}: {error}"
        return ""

    def _check(self, state: State) -> None:
        layout = self.stage.layout
        if state.finished:
            found = _content(self.stage.folder)
            assert [path for path, content in self.kept.items() if found.get(path) != content] == []
        assert assert_sound(layout) in ([self.new] if state.finished else [self.old, self.new])
        if self.scene.keeps:
            hands = self.stage.hands()
            hands.settle()
            kept = {*self.stage.trees().values(), *hands.ledger().kept_trees()}
            assert set(self.old.values()) <= kept, "what was there cannot be brought back"
        self.scene.act(self.stage.hands())
        self.stage.hands().sweep()
        assert assert_sound(layout) == self.new
        assert_tidy(layout)


def _content(folder: Path) -> dict[str, bytes]:
    """Files and links; receipts, lists and records that hold times, and locks, by their names alone."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink()).encode()
        elif path.is_file() and "locks" not in path.parts and path.suffix != ".lock":
            found[name] = b"" if path.name in ("receipt.json", "record") else path.read_bytes()
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyServer]:
    with KeyFolder() as keys, TinyServer(tmp_path_factory.mktemp("served"), keys.modern()) as served:
        yield served


@pytest.fixture(params=SCENES, ids=lambda scene: scene.name)
def played(request: pytest.FixtureRequest, served: TinyServer) -> Iterator[Played]:
    with Stage.in_memory(served) as stage:
        yield Played.of(request.param, stage)


def test_every_state_that_a_power_cut_may_leave_is_lawful(played: Played) -> None:
    possible = list(states(played.record()))

    breaches = [found for state in _some(possible) if (found := played.breach(state))]

    print(f"{len(possible)} states, {min(len(possible), MOST)} tried")
    assert breaches == []


def test_without_any_one_of_its_syncs_a_command_breaks_the_law(played: Played) -> None:
    syncs = played.record().syncs
    assert syncs

    unneeded = []
    for number, sync in enumerate(syncs):
        recorded = played.record(without=number)
        latest_first = reversed(_some(list(states(recorded))))
        if not any(played.breach(state) for state in latest_first):
            unneeded.append(f"{sync.kind} {sync.path.relative_to(played.stage.folder)}")

    print(f"{len(syncs)} syncs")
    assert [one for one in unneeded if one not in played.scene.unneeded] == []


def _some(possible: list[State]) -> list[State]:
    """All, or evenly chosen ones, and all of those after the end, which show most."""
    cut = [state for state in possible if not state.finished]
    step = max(1, -(-len(cut) // MOST))
    return cut[::step] + [state for state in possible if state.finished][:MOST]
