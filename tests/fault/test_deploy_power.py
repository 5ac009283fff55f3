"""A change of other programs' files that loses power before any change of the disk: all old or all new."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rocmswitch.errors import RocmswitchError
from rocmswitch.system.disk import Change, Disk
from tests.support.deployments import SCENES, Ground, Scene, View, assert_whole, in_memory, play
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut


@dataclass(frozen=True)
class Played:
    """A scene on a ground, and what is true before and after it, once nothing is broken off any more."""

    scene: Scene
    before: Ground
    ground: Ground
    old: tuple[View, tuple[int, ...]]
    new: tuple[View, tuple[int, ...]]

    @classmethod
    def of(cls, scene: Scene, folder: Path) -> Played:
        before, ground = Ground(folder / "before"), Ground(folder / "ground")
        ground.furnish()
        play(scene.before, ground)
        ground.copy_to(before.folder)
        ground.ledger().settle(wait=0)
        old = (ground.view(), assert_whole(ground))
        before.copy_to(ground.folder)
        scene.act(ground, HastyDisk())
        return cls(scene, before, ground, old, (ground.view(), assert_whole(ground)))

    def set_up(self) -> Ground:
        self.before.copy_to(self.ground.folder)
        return self.ground

    def count(self) -> int:
        counting = CuttingDisk(-1)
        self.scene.act(self.set_up(), counting)
        return counting.seen

    def assert_lawful(self) -> str:
        """After one settling all is old or all is new; then the command still does what it does."""
        self.ground.ledger().settle(wait=0)
        found = (self.ground.view(), assert_whole(self.ground))
        assert found in (self.old, self.new)
        if found == self.old != self.new:
            self.scene.act(self.ground, HastyDisk())
            assert (self.ground.view(), assert_whole(self.ground)) == self.new
        return "old" if found == self.old else "new"


@pytest.fixture
def folder() -> Iterator[Path]:
    with in_memory() as folder:
        yield folder


@pytest.fixture(params=SCENES, ids=lambda scene: scene.name)
def played(request: pytest.FixtureRequest, folder: Path) -> Played:
    return Played.of(request.param, folder)


def test_a_cut_before_any_change_leaves_all_old_or_all_new(played: Played):
    found = {"old": 0, "new": 0}
    for at in range(played.count()):
        with pytest.raises(PowerCut):
            played.scene.act(played.set_up(), CuttingDisk(at))
        found[played.assert_lawful()] += 1

    print(f"{sum(found.values())} cuts: {found}")
    assert found["old"] > 2


def test_a_cut_while_rolling_a_cut_back_is_no_new_case(played: Played):
    tried = 0
    for at in range(played.count()):
        for again in range(100):
            with pytest.raises(PowerCut):
                played.scene.act(played.set_up(), CuttingDisk(at))
            second = CuttingDisk(again)
            with contextlib.suppress(PowerCut):
                played.ground.ledger(second).settle(wait=0)
            tried += second.is_cut
            if not second.is_cut:
                break
            played.assert_lawful()

    print(f"{tried} cuts of a settling")
    assert tried > 0


class FailingDisk(HastyDisk):
    """Raises *error* before the change number *at*, and, where it *lasts*, before every later one."""

    def __init__(self, at: int, error: BaseException, *, lasts: bool = False) -> None:
        self._at, self._error, self._lasts = at, error, lasts
        self._seen = 0

    def about_to(self, change: Change) -> None:
        self._seen += 1
        if self._seen == self._at + 1 or (self._lasts and self._seen > self._at):
            raise self._error


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "no space"), OSError(errno.EIO, "no luck"), KeyboardInterrupt(), MemoryError()],
    ids=lambda error: getattr(error, "strerror", None) or type(error).__name__,
)
def test_what_fails_once_is_taken_back_at_once(played: Played, error: BaseException):
    for at in range(played.count()):
        played.set_up()
        if is_made_good(played.scene, at, error):
            played.scene.act(played.ground, FailingDisk(at, error))
            played.assert_lawful()
            assert played.ground.ledger().is_pruned(1)
            continue
        with pytest.raises((RocmswitchError, type(error))) as caught:
            played.scene.act(played.ground, FailingDisk(at, error))
        assert not isinstance(caught.value, OSError), "said in words"
        # A ledger that rolls back what it found may fail in doing so: the journal stays open.
        if not any(act.__name__ == "cut" for act in played.scene.before):
            assert played.ground.view() in (played.old[0], played.new[0]), at
        played.assert_lawful()


def is_made_good(scene: Scene, at: int, error: BaseException) -> bool:
    """The mark of what was let go is the first change of a prune; on a full disk it is made in another way."""
    return scene.name == "prune" and at == 0 and isinstance(error, OSError) and error.errno == errno.ENOSPC


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_a_disk_that_fails_from_some_point_on_leaves_what_the_next_command_takes_back(played: Played, code: int):
    for at in range(played.count()):
        played.set_up()
        failing: Disk = FailingDisk(at, OSError(code, os.strerror(code)), lasts=True)
        with pytest.raises(RocmswitchError):
            played.scene.act(played.ground, failing)
        played.assert_lawful()
