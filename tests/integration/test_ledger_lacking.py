"""What a ledger says where the machine will not let it change the files: which place it is, before work is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.deploy.folders import MOST
from rocmswitch.errors import MachineLacks, Refused
from rocmswitch.model.deployment import NewFile
from rocmswitch.system.disk import Disk
from tests.support.deployments import LIBRARY, Ground, adopt, deploy, settle, undo
from tests.support.disk import HastyDisk, NotingDisk


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    ground = Ground(tmp_path / "ground")
    ground.furnish()
    return ground


def run(*command: str) -> None:
    """Skip the test where that may not be done."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"only root, and not everywhere: {done.stderr.strip()}")


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    run("mount", "--bind", str(folder), str(folder))
    try:
        run("mount", "-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def immutable(path: Path) -> Iterator[None]:
    run("chattr", "+i", str(path))
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", str(path)], check=True)


def test_a_read_only_file_system_is_told_before_anything_is_saved(ground: Ground):
    deploy(ground, HastyDisk())
    before, disk = ground.view(), NotingDisk()

    with read_only(ground.site), pytest.raises(MachineLacks) as caught:
        undo(ground, disk)

    assert str(caught.value) == f"`{ground.site}/torch/lib` is on a file system that is mounted read-only"
    assert (disk.changes, ground.view()) == ([], before)


def test_a_folder_that_may_not_be_written_is_told_before_anything_is_saved(ground: Ground):
    disk = NotingDisk()

    with immutable(ground.site / "torch/lib"), pytest.raises(MachineLacks) as caught:
        deploy(ground, disk)

    reason = "may not be changed or read by this user (Permission denied)"
    assert str(caught.value) == f"`{ground.site}/torch/lib` {reason}"
    assert [change for change in disk.changes if change.path.is_relative_to(ground.layout.backups / "1")] == []


def test_what_is_adopted_needs_no_right_to_write_there(ground: Ground):
    with read_only(ground.site):
        assert adopt(ground, HastyDisk()).number == 1


def test_a_file_that_may_not_be_replaced_is_named_and_not_the_one_beside_it(ground: Ground):
    before = ground.view()

    with immutable(ground.site / LIBRARY), pytest.raises(MachineLacks) as caught:
        deploy(ground, Disk())

    reason = "may not be changed or read by this user (Operation not permitted)"
    assert str(caught.value) == f"`{ground.site / LIBRARY}` {reason}"
    assert (ground.view(), settle(ground, HastyDisk())) == (before, None)


def test_a_source_that_cannot_be_read_is_named_and_not_what_was_to_be_made_of_it(ground: Ground):
    before = ground.view()
    unreadable = NewFile("/proc/self/mem", 0)  # at its beginning no process has memory: EIO

    with pytest.raises(MachineLacks) as caught:
        ground.carry_out(Disk(), "deploy", ground.replacement(LIBRARY, unreadable))

    assert str(caught.value) == f"the disk failed at `/proc/{os.getpid()}/mem` (Input/output error)"
    assert (ground.view(), settle(ground, HastyDisk())) == (before, None)


def test_more_folders_than_a_process_may_hold_are_refused_before_anything_is_changed(ground: Ground):
    changes = []
    for number in range(MOST + 1):
        (ground.site / f"{number}").mkdir()
        changes.append(ground.replacement(f"{number}/file", ground.patched()))
    before, disk = ground.view(), NotingDisk()

    with pytest.raises(Refused, match=f"more than {MOST} folders"):
        ground.carry_out(disk, "deploy", *changes)

    assert ground.view() == before
    assert ground.carry_out(HastyDisk(), "deploy", *changes[:-1]).number == 1
