"""A recovery that loses power, or is killed, anywhere: one more ends well, and the one after finds nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rocmswitch.system.disk import Change, Disk
from tests.support.disk import CuttingDisk, NotingDisk, PowerCut
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import good_module, in_tree
from tests.support.recoveries import broken_root, copied, planned, recovered, remains
from tests.support.recoveryscenes import loaded, packed_modules, state

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may recover a system")
ALL = os.environ.get("TEST_FAULTS") == "all"
STRIDE = 1 if ALL else 7
MODULE = in_tree()


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return broken_root(tmp_path_factory.mktemp("broken"))


def end(root: Path, package: Path) -> dict[str, object]:
    """What stands after one more recovery, and what a second one would do."""
    recovered(root, None, package)
    at_rest = state(root)
    again = planned(root, package)
    return {
        "modules": sorted(path for path in at_rest if path.endswith(".ko")),
        "settings": sorted(path for path in at_rest if path.startswith("etc/modprobe.d/")),
        "loaded": loaded(root, KERNEL),
        "good": (root / MODULE).read_bytes() == good_module(),
        "inside": packed_modules(root, KERNEL) == {good_module()},
        "again": (again.is_well, again.plan.is_empty),
        "remains": remains(root),
    }


WELL = {
    "modules": [MODULE],
    "settings": ["etc/modprobe.d/amdgpu.conf.rocmswitch-disabled"],
    "loaded": MODULE,
    "good": True,
    "inside": True,
    "again": (True, True),
    "remains": [],
}


def changes_of(root: Path, package: Path) -> list[Change]:
    disk = NotingDisk()
    recovered(root, disk, package)
    return disk.changes


def test_after_a_cut_before_any_change_one_more_recovery_ends_well(broken: tuple[Path, Path], tmp_path: Path):
    root, package = broken
    here = tmp_path / "a root"
    count = len(changes_of(copied(root, here), package))
    told = []

    for at in range(0, count, STRIDE):
        copied(root, here)
        with contextlib.suppress(PowerCut):
            recovered(here, CuttingDisk(at), package)
        if (found := end(here, package)) != WELL:
            told.append(f"cut before change {at} of {count}: {found}")

    assert told == []
    assert count > 50


def test_a_cut_recovery_is_taken_up_where_only_index_and_image_are_left(broken: tuple[Path, Path], tmp_path: Path):
    root, package = broken
    here = copied(root, tmp_path / "a root")
    changes = changes_of(here, package)
    committed = max(number for number, one in enumerate(changes) if one.path.name == "record.new")
    copied(root, here)
    with pytest.raises(PowerCut):
        recovered(here, CuttingDisk(committed + 4), package)

    left = planned(here, package)

    assert (left.plan.files, left.plan.index, left.plan.images) == ((), (KERNEL,), (KERNEL,))
    assert end(here, package) == WELL


MOMENT = 0.05
"""Seconds into a part, so that what it runs has begun."""
KILLED_WHILE = ("putting", "writing", "making", "looking")
"""The first words of what is told before each part begins."""


@pytest.mark.parametrize("word", KILLED_WHILE)
def test_after_a_kill_in_any_part_of_the_program_one_more_recovery_ends_well(
    word: str, broken: tuple[Path, Path], tmp_path: Path
):
    root, package = broken
    here = copied(root, tmp_path / "a root")
    command = [sys.executable, "-m", "rocmswitch", "recover", "--root", str(here), "--apply", "--yes"]
    ours = subprocess.Popen([*command, "--package", str(package)], stderr=subprocess.PIPE, text=True)
    assert ours.stderr

    for line in ours.stderr:
        if line.startswith(f"{word} "):
            time.sleep(MOMENT)
            os.kill(ours.pid, signal.SIGKILL)
            break
    ours.stderr.close()

    assert ours.wait() in (-signal.SIGKILL, 0)  # the last part may have ended before the kill
    assert end(here, package) == WELL


def test_the_real_disk_is_asked_for_the_same(broken: tuple[Path, Path], tmp_path: Path):
    root, package = broken
    here = copied(root, tmp_path / "a root")

    outcome = recovered(here, Disk(), package)

    assert outcome is not None
    assert (outcome.is_well, outcome.lacks) == (True, ())
    assert end(here, package) == WELL


def test_what_killed_programs_have_left_is_removed(broken: tuple[Path, Path], tmp_path: Path):
    root, package = broken
    here = copied(root, tmp_path / "a root")
    folder, image = here / f"usr/lib/modules/{KERNEL}", f"initrd.img-{KERNEL}"
    left = [folder / "modules.dep.3.4711.1", folder / "modules.alias.bin.3.4711.1", here / f"boot/{image}.dpkg-bak"]
    mine = [folder / "modules.order.1", here / "boot/config.dpkg-bak"]
    for _ in ("with", "without anything else to do"):
        for file in (*left, *mine):
            file.write_bytes(b"old")

        recovered(here, None, package)

        assert [path.exists() for path in (*left, *mine)] == [False, False, False, True, True]
    assert end(here, package) == WELL
