"""Changes of files that other programs use, on a real disk: recorded, found again, broken off, given up."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Busy, Failed, NotFound, VerificationFailed
from rocmswitch.model.deployment import (
    FILE,
    LINK,
    NOTHING,
    FileState,
    Generation,
    NewFile,
    NewLink,
    NoFile,
    Replacement,
    SavedFile,
)
from rocmswitch.system.disk import Disk
from rocmswitch.system.lock import held
from tests.support.deployments import (
    ADDED,
    LIBRARY,
    LINKED,
    LONG_AGO,
    NOON,
    Ground,
    assert_whole,
    broken_off,
    deploy,
    intent,
    new_file,
    undo,
)
from tests.support.disk import HastyDisk

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    ground = Ground(tmp_path / "with a space")
    ground.furnish()
    return ground


def test_a_deployment_is_recorded_with_what_was_there_and_what_is_there_now(ground: Ground):
    library, added = ground.site / LIBRARY, ground.site / ADDED
    before = library.read_bytes()

    done = deploy(ground, Disk())

    assert (library.read_bytes(), added.read_bytes()) == (b"patched" * 700, b"kernel" * 300)
    first, second = done.steps
    assert (first.before.size, first.before.mode, first.before.modified) == (len(before), 0o755, LONG_AGO)
    assert (first.after.mode, second.before, second.after.mode) == (0o755, NOTHING, 0o644)
    assert first.source == str(ground.folder / "patched.so")
    assert ground.ledger().saved(1, first.saved).read_bytes() == before
    assert ground.ledger().saved(1, first.kept).read_bytes() == library.read_bytes()
    assert first.placed == ground.replacement(LIBRARY, NoFile()).seen
    assert (done.number, done.created) == (1, "2026-01-01T12:00:00+00:00")
    assert ground.ledger().generation(1) == done
    assert ground.ledger().generations() == (done,)


def test_what_was_saved_comes_back_byte_for_byte_with_mode_and_times(ground: Ground):
    before = ground.view()
    deploy(ground, Disk())

    undo(ground, Disk())

    assert ground.view() == before
    assert assert_whole(ground) == (1, 2)


def test_both_sides_are_read_at_the_same_time_with_the_same_outcome(ground: Ground, tmp_path: Path):
    other = Ground(tmp_path / "other")
    other.furnish()
    replacements = (ground.replacement(LIBRARY, ground.patched()), ground.replacement(LINKED, NoFile()))

    done = Ledger(ground.layout, Disk(), NOON).carry_out(intent(ground.site), replacements, wait=0)

    alone = other.carry_out(Disk(), "deploy", *(replace(one, root=str(other.site)) for one in _planned(other)))
    assert [step.after.sha256 for step in done.steps] == [step.after.sha256 for step in alone.steps]
    assert ground.view() == other.view()


def _planned(ground: Ground) -> tuple[Replacement, ...]:
    return (ground.replacement(LIBRARY, ground.patched()), ground.replacement(LINKED, NoFile()))


def test_the_folders_are_the_users_own_and_a_record_is_never_changed(ground: Ground):
    deploy(ground, Disk())

    data = ground.layout.data
    modes = {name: stat.S_IMODE((data / name).stat().st_mode) for name in ("backups", "backups/1", "journal")}
    assert modes == dict.fromkeys(modes, 0o700)
    assert stat.S_IMODE((data / "backups/1/record").stat().st_mode) == 0o400


def test_numbers_go_on_after_what_is_there_and_what_was_taken_back_leaves_none(ground: Ground):
    deploy(ground, HastyDisk())
    undo(ground, HastyDisk())
    ground.ledger().prune([2], wait=0)
    broken_off(deploy, "rename_in", 1)(ground, HastyDisk())
    ground.ledger().settle(wait=0)

    assert deploy(ground, HastyDisk()).number == 3


def test_a_plan_that_another_change_has_overtaken_is_not_carried_out(ground: Ground):
    change = ground.replacement(LIBRARY, ground.patched())
    ground.carry_out(Disk(), "default", ground.replacement(LINKED, NoFile()))

    with pytest.raises(Failed) as caught:
        ground.ledger().carry_out(intent(ground.site), (change,), wait=0, expected=0)

    assert caught.value.hint == "run the same command again"
    assert ground.ledger().carry_out(intent(ground.site), (change,), wait=0, expected=1).number == 2


def test_what_is_known_is_not_read_again(ground: Ground):
    known = FileState(FILE, "0" * 64)

    change = ground.replacement(LIBRARY, ground.patched(), known)
    done = ground.carry_out(Disk(), "deploy", change)

    assert done.steps[0].before.sha256 == known.sha256, "as the caller said, who has it from a record"


def test_a_new_file_gets_the_mode_of_the_old_one_and_a_new_path_a_usual_one(ground: Ground):
    (ground.site / LIBRARY).chmod(0o604)
    (ground.folder / "tool").write_bytes(b"tool")
    (ground.folder / "tool").chmod(0o700)

    done = ground.carry_out(
        Disk(),
        "deploy",
        ground.replacement(LIBRARY, ground.patched()),
        ground.replacement("torch/lib/tool", new_file(ground.folder / "tool")),
        ground.replacement("torch/lib/plain", new_file(ground.folder / "kernels")),
    )

    assert [step.after.mode for step in done.steps] == [0o604, 0o755, 0o644]
    assert (ground.site / LIBRARY).stat().st_mode & 0o7777 == 0o604


def test_a_file_that_has_other_names_keeps_its_content_under_them(ground: Ground):
    library, cached = ground.site / LIBRARY, ground.folder / "cached"
    os.link(library, cached)
    before = cached.read_bytes()

    ground.carry_out(Disk(), "deploy", ground.replacement(LIBRARY, ground.patched()))

    assert (cached.read_bytes(), library.read_bytes()) == (before, b"patched" * 700)


def test_two_names_of_one_file_are_both_replaced_and_both_come_back(ground: Ground):
    os.link(ground.site / LIBRARY, ground.site / "torch/lib/twin.so")
    ground.age()
    before = ground.view()
    paths = (LIBRARY, "torch/lib/twin.so")

    done = ground.carry_out(Disk(), "deploy", *(ground.replacement(path, ground.patched()) for path in paths))
    ground.carry_out(Disk(), "undo", *(_back(ground, done, index) for index in range(2)))

    assert ground.view() == before


def _back(ground: Ground, done: Generation, index: int) -> Replacement:
    step = done.steps[index]
    return ground.replacement(step.path, SavedFile(done.number, step.saved, step.before))


def test_the_very_file_that_stands_there_can_be_put_there(ground: Ground):
    done = ground.carry_out(Disk(), "deploy", ground.replacement(LIBRARY, ground.patched()))
    ground.carry_out(Disk(), "undo", _back(ground, done, 0))

    again = ground.carry_out(Disk(), "undo", _back(ground, done, 0))

    assert again.steps[0].before == again.steps[0].after == done.steps[0].before
    assert assert_whole(ground) == (1, 2, 3)


@pytest.mark.parametrize(
    "name", [b"n" * 255, b"\xff\xfe lib\nso", "ä".encode() * 127], ids=["long", "bytes", "wide"]
)
def test_any_name_that_a_file_can_have_is_replaced_and_brought_back(ground: Ground, name: bytes):
    path = f"torch/lib/{os.fsdecode(name)}"
    (ground.site / path).write_bytes(b"odd")
    ground.age()
    before = ground.view()

    done = ground.carry_out(Disk(), "deploy", ground.replacement(path, ground.patched()))
    assert ground.ledger().generation(1) == done
    ground.carry_out(Disk(), "undo", _back(ground, done, 0))

    assert ground.view() == before


def test_links_are_replaced_and_brought_back(ground: Ground):
    before = (ground.site / LINKED).readlink()

    done = ground.carry_out(Disk(), "default", ground.replacement(LINKED, NewLink("elsewhere")))
    back = ground.replacement(LINKED, NewLink(done.steps[0].before.target))
    ground.carry_out(Disk(), "undo", back)

    assert (done.steps[0].before.kind, done.steps[0].after.target) == (LINK, "elsewhere")
    assert (ground.site / LINKED).readlink() == before


def test_trees_that_links_led_to_are_kept_until_the_generation_is_pruned(ground: Ground):
    old, new = "rocm-6.2.4-0123456789ab", "rocm-6.2.4-ba9876543210"
    (ground.site / "default").symlink_to(f".trees/{old}")
    ground.carry_out(Disk(), "rebind", ground.replacement("default", NewLink(f".trees/{new}")))
    kept = ground.ledger().kept_trees()

    ground.ledger().prune([1], wait=0)

    assert (kept, ground.ledger().kept_trees()) == ({old, new}, frozenset())


def test_pruning_frees_bytes_and_leaves_the_record(ground: Ground):
    done = deploy(ground, Disk())
    freed = ground.ledger().prune([1], wait=0)

    assert freed == done.steps[0].before.size, "what was put is still there under its own name"
    assert ground.ledger().is_pruned(1)
    assert ground.ledger().generations() == (done,)
    assert ground.ledger().prune([1], wait=0) == 0


def test_what_is_not_recorded_can_be_neither_read_nor_pruned(ground: Ground):
    for asking in (lambda: ground.ledger().generation(1), lambda: ground.ledger().prune([1], wait=0)):
        with pytest.raises(NotFound) as caught:
            asking()
        assert caught.value.hint == "run `rocmswitch history`"


def test_a_damaged_record_is_told_apart_and_its_number_is_not_given_again(ground: Ground):
    deploy(ground, HastyDisk())
    record = ground.layout.backups / "1/record"
    record.chmod(0o600)
    record.write_bytes(record.read_bytes()[:-20])

    assert (ground.ledger().generations(), ground.ledger().damaged()) == ((), (1,))
    with pytest.raises(VerificationFailed):
        ground.ledger().generation(1)
    assert ground.carry_out(Disk(), "default", ground.replacement(LINKED, NoFile())).number == 2


def test_where_nothing_is_broken_off_settling_waits_for_nobody(ground: Ground):
    deploy(ground, HastyDisk())

    with held(ground.layout.locks / "changes.lock", wait=0, what="a test"):
        assert ground.ledger().settle(wait=0) is None
        with pytest.raises(Busy):
            undo_now = ground.replacement(LINKED, NoFile())
            ground.ledger().carry_out(intent(ground.site), (undo_now,), wait=0)


def test_settling_says_what_it_took_back(ground: Ground):
    before = ground.view()
    broken_off(deploy, "rename_in", 2)(ground, HastyDisk())
    assert ground.ledger().is_interrupted

    settled = ground.ledger(Disk()).settle(wait=0)

    assert settled == intent(ground.site)
    assert (ground.view(), ground.ledger().is_interrupted) == (before, False)


def test_a_ledger_that_was_never_used_is_empty(ground: Ground):
    ledger = ground.ledger()

    assert (ledger.generations(), ledger.damaged(), ledger.is_interrupted) == ((), (), False)
    assert (ledger.settle(wait=0), ledger.kept_trees()) == (None, frozenset())
    assert list(ground.layout.data.iterdir()) == []


CROWD = """
import sys
from pathlib import Path
from rocmswitch.errors import Refused
from rocmswitch.system.disk import Disk
from tests.support.deployments import Ground, LIBRARY, new_file
from rocmswitch.deploy.ledger import Ledger
from tests.support.deployments import intent

ground = Ground(Path(sys.argv[1]))
source = new_file(Path(sys.argv[2]))
while True:
    try:
        change = ground.replacement(LIBRARY, source)
        Ledger(ground.layout, Disk()).carry_out(intent(ground.site), (change,), wait=120)
        break
    except Refused:
        pass
"""


def test_eight_processes_change_one_file_one_after_the_other_and_none_is_lost(ground: Ground):
    crowd = []
    for number in range(8):
        source = ground.folder / f"patched-{number}"
        source.write_bytes(bytes([number]) * 100_000)
        command = [sys.executable, "-c", CROWD, str(ground.folder), str(source)]
        crowd.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}))
    assert [process.wait(timeout=400) for process in crowd] == [0] * 8

    assert assert_whole(ground) == tuple(range(1, 9))
    steps = [one.steps[0] for one in ground.ledger().generations()]
    assert [step.before.sha256 for step in steps[1:]] == [step.after.sha256 for step in steps[:-1]]
    assert {step.source for step in steps} == {str(ground.folder / f"patched-{number}") for number in range(8)}
    assert NewFile(steps[-1].source, 100_000).size == (ground.site / LIBRARY).stat().st_size
