"""What a ledger refuses, and what it leaves alone: what it did not put there, and what it cannot read."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Failed, MachineLacks, NotFound, Refused, VerificationFailed
from rocmswitch.metadata.journal import encode_journal, parse_journal
from rocmswitch.model.deployment import Adopted, NewFile, Replacement, Seen
from rocmswitch.system.disk import Change, Disk
from tests.support.deployments import (
    ADDED,
    LIBRARY,
    LINKED,
    Ground,
    assert_whole,
    broken_off,
    deploy,
    intent,
    undo,
)
from tests.support.disk import HastyDisk
from tests.support.filesystems import small_disk


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    ground = Ground(tmp_path / "ground")
    ground.furnish()
    return ground


def touch_up(path: Path) -> None:
    """Other bytes, of the same length and with the same st_mtime."""
    found = path.stat()
    path.write_bytes(b"x" * found.st_size)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("happen", [touch_up, to_pipe, Path.unlink, lambda path: path.write_bytes(b"")])
def test_what_changed_since_the_plan_is_left_as_it_is(ground: Ground, happen: Callable[[Path], object]):
    changes = (ground.replacement(ADDED, ground.patched()), ground.replacement(LIBRARY, ground.patched()))
    happen(ground.site / LIBRARY)

    with pytest.raises(Refused):
        ground.carry_out(Disk(), "deploy", *changes)

    assert not (ground.site / ADDED).exists()
    assert assert_whole(ground) == ()


@pytest.mark.parametrize("place", ["torch/lib", "torch"])
def test_a_link_that_was_put_in_the_way_since_the_plan_is_refused(ground: Ground, place: str):
    change = ground.replacement(LIBRARY, ground.patched())
    folder = ground.site / place
    folder.rename(folder.with_name("moved"))
    folder.symlink_to("moved")

    with pytest.raises(Refused, match="is a symlink, where a folder is expected"):
        ground.carry_out(Disk(), "deploy", change)


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (lambda ground: replace(ground.patched(), sha256="0" * 64), "`.*patched.so` is not what the plan saw"),
        (lambda ground: replace(ground.patched(), size=3), "`.*patched.so` is not what the plan saw"),
        (lambda ground: NewFile(str(ground.folder / "gone"), 3), "`.*gone` is not what the plan saw"),
        (lambda ground: Adopted("torch/lib/gone.original"), ""),
        (lambda ground: Adopted(LINKED), ""),
    ],
)
def test_a_new_file_that_is_another_than_planned_changes_nothing(
    ground: Ground, new: Callable[[Ground], NewFile | Adopted], what: str
):
    before = ground.view()
    change = ground.replacement(LIBRARY, new(ground))

    if isinstance(change.content, NewFile):
        with pytest.raises(Refused, match=what):
            ground.carry_out(Disk(), "deploy", ground.replacement(ADDED, ground.patched()), change)
    else:
        done = ground.carry_out(Disk(), "adopt", change)
        assert done.steps[0].saved == "", "nothing stood there, or a link: there are no bytes to save"

    assert ground.view() == before


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "torch/../torch/lib/x", "torch/lib/"])
def test_a_path_that_leads_elsewhere_is_refused(ground: Ground, path: str):
    change = Replacement(str(ground.site), path, Seen(), ground.patched())

    with pytest.raises(Refused, match="is no plain path"):
        ground.carry_out(Disk(), "deploy", change)


def test_one_path_cannot_be_changed_twice_at_once(ground: Ground):
    change = ground.replacement(LIBRARY, ground.patched())

    with pytest.raises(Refused, match="is there twice"):
        ground.carry_out(Disk(), "deploy", change, change)


def test_nothing_is_no_change(ground: Ground):
    with pytest.raises(Failed, match="there is nothing to change"):
        ground.carry_out(Disk(), "deploy")


def test_a_folder_that_is_missing_is_named(ground: Ground):
    with pytest.raises(NotFound, match=r"`.*/nowhere` is not there"):
        ground.carry_out(Disk(), "deploy", Replacement(str(ground.site), "nowhere/x", Seen(), ground.patched()))


def test_a_strangers_file_under_the_name_that_is_needed_is_left_alone(ground: Ground):
    stranger = ground.site / "torch/lib/.libMIOpen.so.rocmswitch-1.new"
    stranger.write_bytes(b"mine")

    with pytest.raises(Refused, match="is in the way"):
        ground.carry_out(Disk(), "deploy", ground.replacement(LIBRARY, ground.patched()))

    assert stranger.read_bytes() == b"mine"


def test_a_damaged_backup_is_not_put_back(ground: Ground):
    done = deploy(ground, HastyDisk())
    saved = ground.ledger().saved(1, done.steps[0].saved)
    saved.chmod(0o600)
    saved.write_bytes(b"x" * done.steps[0].before.size)
    before = ground.view()

    with pytest.raises(VerificationFailed):
        undo(ground, Disk())

    assert ground.view() == before
    assert [one.number for one in ground.ledger().generations()] == [1]


def replaced(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"reinstalled")


def gone(path: Path) -> None:
    shutil.rmtree(path.parents[1])


def linked(path: Path) -> None:
    path.parent.rename(path.parents[1] / "moved")
    path.parent.symlink_to("moved")


@pytest.mark.parametrize("happen", [replaced, gone, linked])
def test_what_somebody_changed_before_it_was_rolled_back_is_left_alone_and_what_was_saved_of_it_stays(
    ground: Ground, happen: Callable[[Path], None]
):
    original = (ground.site / LIBRARY).read_bytes()
    broken_off(deploy, "rename_in", 2)(ground, HastyDisk())
    happen(ground.site / LIBRARY)
    standing = (ground.site / LIBRARY).read_bytes() if happen is not gone else b""

    ground.ledger(Disk()).settle(wait=0)

    (left,) = ground.ledger().generations()
    assert left.interrupted and LIBRARY in [step.path for step in left.steps]
    (step,) = (step for step in left.steps if step.path == LIBRARY)
    assert ground.ledger().saved(1, step.saved).read_bytes() == original
    assert happen is gone or (ground.site / LIBRARY).read_bytes() == standing
    assert happen is not replaced or not (ground.site / ADDED).exists(), "what could be taken back was"
    assert assert_whole(ground) == (1,), "nothing is kept that no record tells of"


def test_what_holds_its_old_bytes_again_is_as_before_whatever_its_mode(ground: Ground):
    library = ground.site / LIBRARY
    original = library.read_bytes()
    broken_off(deploy, "rename_in", 2)(ground, HastyDisk())
    library.unlink()
    library.write_bytes(original)
    library.chmod(0o700)

    ground.ledger(Disk()).settle(wait=0)

    assert (library.read_bytes(), library.stat().st_mode & 0o777) == (original, 0o700)
    assert assert_whole(ground) == ()


def test_what_was_put_is_left_where_its_backup_is_damaged(ground: Ground):
    broken_off(deploy, "rename_in", 2)(ground, HastyDisk())
    saved = ground.layout.backups / "1/0.before"
    saved.chmod(0o600)
    saved.write_bytes(b"damaged")

    ground.ledger(Disk()).settle(wait=0)

    assert [(one.interrupted, len(one.steps)) for one in ground.ledger().generations()] == [(True, 1)]
    assert (ground.site / LIBRARY).read_bytes() == b"patched" * 700


def test_what_somebody_put_before_ours_came_there_is_no_business_of_ours(ground: Ground):
    broken_off(deploy, "rename", 2)(ground, HastyDisk())  # the second stage of the journal: nothing is replaced yet
    replaced(ground.site / LIBRARY)

    ground.ledger(Disk()).settle(wait=0)

    assert (ground.site / LIBRARY).read_bytes() == b"reinstalled"
    assert assert_whole(ground) == ()


@pytest.mark.parametrize("content", [b"", b"garbled\n", bytes(500)])
def test_a_journal_that_cannot_be_read_stops_every_change_and_touches_nothing(ground: Ground, content: bytes):
    broken_off(deploy, "rename_in", 1)(ground, HastyDisk())
    (ground.layout.journal / "open").write_bytes(content)
    before = ground.view()

    for act in (lambda: ground.ledger(Disk()).settle(wait=0), lambda: deploy(ground, Disk())):
        with pytest.raises(VerificationFailed, match="journal/open` cannot be read"):
            act()

    assert ground.view() == before
    assert (ground.layout.backups / "1/0.before").exists(), "what was saved may be all that is left"


def test_a_journal_that_leads_outside_is_not_followed(ground: Ground):
    broken_off(deploy, "rename_in", 1)(ground, HastyDisk())
    journal = ground.layout.journal / "open"
    parsed = parse_journal(journal.read_bytes(), "open")
    outside = ground.folder / "outside"
    outside.write_bytes(b"precious")
    hostile = replace(parsed.steps[0], path="../outside", temporary=".outside.new")
    journal.write_bytes(encode_journal(replace(parsed, steps=(hostile, *parsed.steps[1:]))))

    with pytest.raises(VerificationFailed):
        ground.ledger(Disk()).settle(wait=0)

    assert outside.read_bytes() == b"precious"


class Refusing(HastyDisk):
    """Nothing can be changed any more from the change of the kind *first* on; not *lasts*, only those cannot."""

    def __init__(self, first: str, *, lasts: bool = True) -> None:
        self._first, self._lasts = first, lasts
        self._is_broken = False

    def about_to(self, change: Change) -> None:
        if change.kind == self._first or (self._is_broken and self._lasts):
            self._is_broken = True
            raise OSError(errno.EIO, "no luck", str(change.path))


@pytest.mark.parametrize("kind", ["link_out", "create_in"])
def test_what_fails_in_either_of_two_threads_is_taken_back(ground: Ground, kind: str):
    before = ground.view()
    changes = (ground.replacement(LIBRARY, ground.patched()), ground.replacement(ADDED, ground.patched()))

    with pytest.raises(MachineLacks, match=r"no luck|Input/output error"):
        Ledger(ground.layout, Refusing(kind, lasts=False)).carry_out(intent(ground.site), changes, wait=0)

    assert (ground.view(), assert_whole(ground)) == (before, ())


def test_a_change_that_cannot_be_taken_back_yet_says_what_to_run(ground: Ground):
    before = ground.view()

    with pytest.raises(Failed, match=r"was broken off .* and could not be taken back yet") as caught:
        deploy(ground, Refusing("rename_in"))

    assert caught.value.hint == "run `rocmswitch history`"
    assert ground.ledger().is_interrupted
    ground.ledger().settle(wait=0)
    assert ground.view() == before


@pytest.mark.parametrize("small", ["site", "own"])
def test_a_file_system_with_too_little_room_is_told_before_anything_is_written(ground: Ground, small: str):
    ground.folder.joinpath("patched.so").write_bytes(bytes(4_000_000))
    folder = ground.folder / small
    keep = ground.folder / "keep"
    shutil.copytree(folder, keep, symlinks=True)

    with small_disk(folder, 3_000_000):
        shutil.copytree(keep, folder, symlinks=True, dirs_exist_ok=True)
        if small == "own":
            (ground.site / LIBRARY).write_bytes(bytes(4_000_000))
        before = ground.view()
        with pytest.raises(MachineLacks, match=rf"`.*/{small}/.*` has 3 MB free and . MB are needed there"):
            ground.carry_out(Disk(), "deploy", ground.replacement(LIBRARY, ground.patched()))
        assert ground.view() == before


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused what others could swap")


@needs_root
@pytest.mark.parametrize("place", ["site", "site/torch", "site/torch/lib", "own/data"])
def test_root_changes_nothing_below_a_folder_that_others_may_write(ground: Ground, place: str):
    change = ground.replacement(LIBRARY, ground.patched())
    (ground.folder / place).chmod(0o777)

    with pytest.raises(Refused, match="may be written by others"):
        ground.carry_out(Disk(), "deploy", change)

    assert (ground.site / LIBRARY).read_bytes() != b"patched" * 700


@needs_root
def test_root_does_not_roll_back_what_a_user_says_was_broken_off(ground: Ground):
    broken_off(deploy, "rename_in", 2)(ground, HastyDisk())
    before = ground.view()
    os.chown(ground.layout.journal, 1234, 1234)

    with pytest.raises(Refused):
        ground.ledger(Disk()).settle(wait=0)

    assert ground.view() == before
