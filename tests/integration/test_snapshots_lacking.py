"""Snapshots where something is lacking: room, a file system that knows owners, a turn of one's own."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from rocmswitch.errors import Busy, MachineLacks
from rocmswitch.model.snapshot import BY_USER
from rocmswitch.operations import snapshot
from rocmswitch.store.layout import Layout
from rocmswitch.store.rescue import rescue_script
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.disk import Disk
from rocmswitch.system.lock import held
from tests.support import driverroots
from tests.support.driverroots import MODULE
from tests.support.filesystems import mounted_image


def _take(root: Path) -> snapshot.Taken:
    snapshots = Snapshots(Layout.driver(root), Disk(), root)
    return snapshot.take(driverroots.system(root), snapshots, BY_USER, Disk(), wait=0)


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_where_it_would_not_fit_nothing_is_written(tmp_path: Path):
    root = tmp_path / "disk"
    root.mkdir()
    with mounted_image("ext4", root / "var", megabytes=2):
        driverroots.furnish(root)

        with pytest.raises(MachineLacks) as caught:
            _take(root)

        assert "free and" in caught.value.message
        assert _files(root / "var") == []


@pytest.mark.parametrize("kind", ("ext4", "vfat"))
def test_a_boot_without_much_room_gets_recover_sh_and_the_manifest_alone(tmp_path: Path, kind: str):
    root = tmp_path / "disk"
    root.mkdir()
    with mounted_image(kind, root / "boot", megabytes=1 if kind == "vfat" else 2):
        driverroots.furnish(root)
        fill = os.statvfs(root / "boot")
        (root / "boot/vmlinuz-other").write_bytes(bytes(fill.f_bavail * fill.f_frsize - 130_000))

        taken = _take(root)

        folder = root / "boot/rocmswitch"
        assert taken.notes == (f"`{folder}` has only recover.sh and the manifest: the modules would fill /boot",)
        assert _files(folder) == ["recover.sh", "snapshot/manifest", "snapshot/manifest.sha256"]
        assert MODULE in (folder / "snapshot/manifest").read_text()


def test_a_boot_that_knows_no_owners_gets_its_copy_all_the_same(tmp_path: Path):
    root = tmp_path / "disk"
    root.mkdir()
    with mounted_image("vfat", root / "boot", megabytes=40):
        driverroots.furnish(root)

        taken = _take(root)

        assert taken.notes == ()
        assert (root / "boot/rocmswitch/recover.sh").read_bytes() == rescue_script()
        done = subprocess.run(
            ["sha256sum", "-c", "--quiet", "manifest"], cwd=root / "boot/rocmswitch/snapshot", check=False
        )
        assert done.returncode == 0


def test_a_full_boot_keeps_no_snapshot_from_being_made(tmp_path: Path):
    root = tmp_path / "disk"
    root.mkdir()
    with mounted_image("ext4", root / "boot", megabytes=2):
        driverroots.furnish(root)
        with contextlib.suppress(OSError), (root / "boot/vmlinuz-other").open("wb", buffering=0) as file:
            while file.write(bytes(1024)):
                pass

        taken = _take(root)

        assert [note.partition(":")[0] for note in taken.notes] == [f"no copy in `{root / 'boot/rocmswitch'}`"]
        assert [*(root / "boot").glob("rocmswitch/**/*")] == []
        assert Snapshots(Layout.driver(root), Disk(), root).damaged(taken.snapshot.number) == ()


def test_two_are_not_made_at_the_same_time(tmp_path: Path):
    root = driverroots.furnish(tmp_path / "disk")
    layout = Layout.driver(root)

    with held(layout.locks / "snapshots.lock", wait=0, what="snapshots"), pytest.raises(Busy):
        _take(root)

    assert Snapshots(layout, Disk(), root).numbers() == ()
