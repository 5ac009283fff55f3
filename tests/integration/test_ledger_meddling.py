"""What others do to the files and folders of a change while it is under way, before each single step of it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rocmswitch.errors import Refused
from rocmswitch.model.deployment import NewFile, Seen
from rocmswitch.system.disk import Change
from rocmswitch.system.folder import seen_of
from tests.support.deployments import (
    LIBRARY,
    SCENES,
    Ground,
    Scene,
    View,
    assert_whole,
    broken_off,
    deploy,
    in_memory,
    play,
    settle,
)
from tests.support.disk import HastyDisk


class Meddling(HastyDisk):
    """Somebody does *meddle* right before the change number *at*."""

    def __init__(self, at: int, meddle: Callable[[], None]) -> None:
        self._at, self._meddle = at, meddle
        self.changes: list[Change] = []

    def about_to(self, change: Change) -> None:
        if len(self.changes) == self._at:
            self._meddle()
        self.changes.append(change)


@pytest.fixture
def folder() -> Iterator[Path]:
    with in_memory() as folder:
        yield folder


def changes_of(scene: Scene, ground: Ground) -> list[Change]:
    disk = Meddling(-1, lambda: None)
    scene.act(ground, disk)
    return disk.changes


SWAPPED = {"the folder": "torch/lib", "one above it": "torch", "the environment": "."}


@pytest.mark.parametrize("place", SWAPPED)
@pytest.mark.parametrize(
    "scene", [one for one in SCENES if not one.name.startswith("roll")], ids=lambda one: one.name
)
def test_a_link_that_is_swapped_in_leads_nothing_anywhere(scene: Scene, place: str, folder: Path):
    before, ground = Ground(folder / "before"), Ground(folder / "ground")
    before.furnish()
    play(scene.before, before)
    before.copy_to(folder / "ground")
    old = ground.view()
    changes = changes_of(scene, ground)
    new, outcomes = ground.view(), []

    for at in range(len(changes)):
        before.copy_to(ground.folder)
        swap = Swap(ground, ground.site / SWAPPED[place])
        try:
            scene.act(ground, Meddling(at, swap.carry_out))
            outcomes.append("done")
        except Refused:
            outcomes.append("refused")
        swap.take_back()
        assert swap.is_untouched
        assert ground.view() == (old if outcomes[-1] == "refused" else new), changes[at]
        assert not ground.ledger().is_interrupted
        assert_whole(ground)

    print(outcomes)
    # The last look comes right before the change is recorded; where nothing is replaced there is none to swap.
    assert outcomes == sorted(outcomes, reverse=True)
    assert outcomes.count("done") <= 9 or scene.name == "prune"


class Swap:
    """A folder that is moved away, with a link to a twin of it in its place."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._folder = folder.resolve()
        self._moved = self._folder.with_name(f"{self._folder.name}.moved")
        self._twin = ground.folder / "twin"
        shutil.copytree(self._folder, self._twin, symlinks=True)
        self._before = self._listing()

    def carry_out(self) -> None:
        self._folder.rename(self._moved)
        self._folder.symlink_to(self._twin)

    def take_back(self) -> None:
        self._folder.unlink()
        self._moved.rename(self._folder)

    @property
    def is_untouched(self) -> bool:
        return self._listing() == self._before

    def _listing(self) -> list[tuple[object, ...]]:
        found = sorted(self._twin.rglob("*"))
        return [(path, path.lstat().st_ino, path.lstat().st_mtime_ns, path.lstat().st_nlink) for path in found]


def rewrite(path: Path) -> None:
    if path.exists():
        path.write_bytes(b"written to")


def reinstall(path: Path) -> None:
    path.with_name("beside").write_bytes(b"reinstalled")
    path.with_name("beside").replace(path)


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def to_link(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("libother.so")


def to_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


@pytest.mark.parametrize("meddle", [rewrite, reinstall, remove, to_link, to_folder])
def test_what_others_put_in_the_place_of_a_file_meanwhile_stays(meddle: Callable[[Path], None], folder: Path):
    before, ground = Ground(folder / "before"), Ground(folder / "ground")
    before.furnish()
    before.copy_to(ground.folder)
    others = without_library(ground.view())
    changes = changes_of(Scene("deploy", (), deploy), ground)
    outcomes = []

    for at, change in enumerate(changes):
        if change.kind == "rename_in" and change.target.endswith(LIBRARY):
            continue  # Between the last look and the rename nothing can be noticed.
        before.copy_to(ground.folder)
        library = ground.site / LIBRARY
        meddled: list[object] = []

        def happen(library: Path = library, meddled: list[object] = meddled) -> None:
            meddle(library)
            meddled.append(standing(library))

        try:
            step = deploy(ground, Meddling(at, happen)).steps[0]
            outcomes.append("done")
            assert not is_recorded_as_ours(library, step.placed), change
        except Refused:
            outcomes.append("refused")
            assert without_library(ground.view()) == others, change
        assert [standing(library)] == meddled, change
        assert not ground.ledger().is_interrupted
        assert ground.ledger().damaged() == ()

    print(outcomes)
    assert "refused" in outcomes and outcomes == sorted(outcomes, reverse=True)


@pytest.mark.parametrize("meddle", [rewrite, reinstall, remove, to_link, to_folder])
def test_what_others_put_there_while_a_change_is_taken_back_stays(meddle: Callable[[Path], None], folder: Path):
    before, ground = Ground(folder / "before"), Ground(folder / "ground")
    ground.furnish()
    broken_off(deploy, "rename_in", 2)(ground, HastyDisk())
    ground.copy_to(before.folder)
    library, kept_apart = ground.site / LIBRARY, 0

    for at in itertools.count():
        before.copy_to(ground.folder)
        meddled: list[object] = []

        def happen(meddled: list[object] = meddled) -> None:
            meddle(library)
            meddled.append(standing(library))

        disk = Meddling(at, happen)
        with contextlib.suppress(IsADirectoryError):
            settle(ground, disk)

        if not meddled:
            break
        change = disk.changes[at]
        if change.kind == "rename_in" and change.target.endswith(LIBRARY):
            continue  # as above
        assert [standing(library)] == meddled, change
        assert not ground.ledger().is_interrupted
        kept_apart += len(ground.ledger().generations())

    assert kept_apart > 0, "somebody came between"


def is_recorded_as_ours(path: Path, placed: Seen) -> bool:
    found = path.lstat() if os.path.lexists(path) else None
    return found is not None and (found.st_ino, found.st_mtime_ns) == (placed.inode, placed.modified)


def standing(path: Path) -> object:
    if path.is_symlink():
        return path.readlink()
    return path.read_bytes() if path.is_file() else path.is_dir()


def without_library(view: View) -> View:
    return {path: what for path, what in view.items() if path not in (LIBRARY, "torch/lib/beside")}


def test_a_source_that_is_rewritten_at_any_moment_is_put_whole_or_not_at_all(folder: Path):
    before, ground = Ground(folder / "before"), Ground(folder / "ground")
    before.furnish()
    before.copy_to(ground.folder)
    source, old = ground.folder / "patched.so", ground.view()
    planned = source.read_bytes()
    counted = Meddling(-1, lambda: None)
    ground.carry_out(counted, "deploy", ground.replacement(LIBRARY, judged(source)))
    outcomes = []

    for at in range(len(counted.changes)):
        before.copy_to(ground.folder)
        change = ground.replacement(LIBRARY, judged(source))
        disk = Meddling(at, lambda: source.write_bytes(b"another" * (len(planned) // 7)))
        try:
            ground.carry_out(disk, "deploy", change)
            outcomes.append("done")
            assert (ground.site / LIBRARY).read_bytes() == planned, counted.changes[at]
        except Refused as refused:
            outcomes.append("refused")
            assert refused.hint == "run the same command again"
            assert ground.view() == old
    assert outcomes[0] == "refused" and outcomes[-1] == "done"


def judged(source: Path) -> NewFile:
    found = source.stat()
    return NewFile(str(source), found.st_size, seen=seen_of(found))
