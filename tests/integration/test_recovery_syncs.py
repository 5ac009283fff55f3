"""What a recovery waits for, and the room that it leaves for itself."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from rocmswitch.errors import MachineLacks
from rocmswitch.model.snapshot import BEFORE_RECOVERY
from rocmswitch.operations import snapshot
from rocmswitch.operations.mending import room_for
from rocmswitch.store.layout import Layout
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.disk import Change
from tests.support import driverroots
from tests.support.disk import HastyDisk, NotingDisk
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import in_tree
from tests.support.recoveries import broken_root, planned, recovered, remains


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may recover a system")
def test_root_and_boot_reach_the_disk_after_the_index_and_after_each_image(tmp_path: Path):
    root, package = broken_root(tmp_path)
    disk = NotingDisk()

    recovered(root, disk, package)

    kept = next(number for number, one in enumerate(disk.changes) if one.path.name.endswith(".before.new"))
    waited = [(number > kept, one) for number, one in enumerate(disk.changes) if one.kind == "sync_filesystem"]
    synced = [(is_after, str(one.path.relative_to(root))) for is_after, one in waited]
    assert synced[-4:] == [(False, "."), (False, "boot"), (True, "."), (True, "boot")]


def test_where_a_snapshot_would_leave_no_room_for_what_it_is_made_before_there_is_none(tmp_path: Path):
    root = driverroots.furnish(tmp_path / "a root")
    snapshots = Snapshots(Layout.driver(root), HastyDisk(), root)

    with pytest.raises(MachineLacks, match="are needed there"):
        snapshot.take(driverroots.system(root), snapshots, BEFORE_RECOVERY, HastyDisk(), wait=0, reserve=1 << 60)

    assert snapshots.numbers() == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may recover a system")
def test_a_recovery_takes_the_room_for_what_comes_and_what_goes_and_boot_images(tmp_path: Path):
    root, package = broken_root(tmp_path)
    recovery = planned(root, package)
    (restored,) = (one.candidate for one in recovery.plan.files if one.path == in_tree())  # type: ignore[union-attr]
    assert restored.contents is not None
    going = sum((root / one.path).stat().st_size for one in recovery.plan.files)
    image = (root / f"boot/initrd.img-{KERNEL}").stat().st_size

    assert room_for(recovery.plan, recovery.system) == 2 * restored.contents.size + going + 2 * image


class FullDisk(HastyDisk):
    """Has no room for what a transaction writes."""

    def about_to(self, change: Change) -> None:
        if change.path.name == "open.new":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(change.path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may recover a system")
def test_a_recovery_that_finds_no_room_leaves_nothing_that_takes_more(tmp_path: Path):
    root, package = broken_root(tmp_path)

    with pytest.raises(MachineLacks, match="no space is left"):
        recovered(root, FullDisk(), package)

    assert remains(root) == []
