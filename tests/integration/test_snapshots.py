"""Snapshots of a system's kernel modules: what is in them, whole or absent, and who may touch them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.errors import Refused, VerificationFailed
from rocmswitch.model.kernel import Boot, Owner
from rocmswitch.model.snapshot import BEFORE_RECOVERY, BY_USER, Snapshot
from rocmswitch.operations import snapshot
from rocmswitch.store.layout import Layout
from rocmswitch.store.rescue import rescue_script
from rocmswitch.store.snapshots import Snapshots, Unusable
from rocmswitch.system.disk import Disk
from tests.support import driverroots
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut
from tests.support.driverroots import CONF, CONTENT, COPIED, MODULE, RELEASE, SHADOW


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return driverroots.furnish(tmp_path / "a disk")


def _snapshots(root: Path, disk: Disk | None = None) -> Snapshots:
    return Snapshots(Layout.driver(root), disk or HastyDisk(), root)


def _take(root: Path, why: str = BY_USER, disk: Disk | None = None) -> snapshot.Taken:
    disk = disk or HastyDisk()
    return snapshot.take(driverroots.system(root), _snapshots(root, disk), why, disk, wait=0)


def test_everything_that_a_change_could_touch_is_copied(root: Path):
    taken = _take(root)

    folder = _snapshots(root).folder(1)
    found = {path.relative_to(folder / "files").as_posix() for path in (folder / "files").rglob("*.*")}
    files = {path for path in found if (folder / "files" / path).is_file()}
    assert files | {"etc/default/grub"} | {path for path in COPIED if "boot" in path} == set(COPIED)
    assert {path: (folder / "files" / path).read_bytes() for path in COPIED} == {
        path: CONTENT[path] for path in COPIED
    }
    assert taken.snapshot.links == (("etc/modprobe.d/linked.conf", "/usr/share/x.conf"),)
    assert (taken.is_new, taken.notes, taken.snapshot.kernels) == (True, (), (RELEASE,))


def test_a_snapshot_is_read_back_as_it_was_written(root: Path):
    (root / CONF).chmod(0o640)
    taken = _take(root)

    read = _snapshots(root).read(1)

    assert read == taken.snapshot
    module, conf = read.find(MODULE), read.find(CONF)
    assert module is not None and conf is not None
    assert (module.kernel, conf.state.mode, conf.kernel) == (RELEASE, 0o640, "")


@pytest.mark.parametrize("tool", (["sha256sum"], ["busybox", "sha256sum"]))
def test_sha256sum_reads_the_manifest_and_its_seal(root: Path, tool: list[str]):
    if shutil.which(tool[0]) is None:
        pytest.skip(f"{tool[0]} is not installed")
    _take(root)

    for name in ("manifest", "manifest.sha256"):
        done = subprocess.run([*tool, "-c", name], cwd=_snapshots(root).folder(1), capture_output=True, check=False)
        assert (done.returncode, b"FAILED" in done.stdout) == (0, False), done


def test_the_copies_are_files_of_their_own_that_nobody_else_reads(root: Path):
    _take(root)

    folder = _snapshots(root).folder(1)
    here = [folder, *folder.rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in here if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in here if path.is_file()} == {0o600}
    assert {path.stat().st_nlink for path in here if path.is_file()} == {1}
    assert (folder / "files" / MODULE).stat().st_ino != (root / MODULE).stat().st_ino


def test_recover_sh_travels_with_it_and_lies_in_boot_with_the_modules(root: Path):
    _take(root)

    boot = root / "boot/rocmswitch"
    assert (_snapshots(root).folder(1) / "recover.sh").read_bytes() == rescue_script()
    assert (boot / "recover.sh").read_bytes() == rescue_script()
    assert [(boot / "snapshot/files" / path).read_bytes() for path in (MODULE, SHADOW)] == [
        CONTENT[MODULE],
        CONTENT[SHADOW],
    ]
    done = subprocess.run(["sha256sum", "-c", "manifest"], cwd=boot / "snapshot", capture_output=True, check=False)
    assert done.returncode == 0, done
    assert boot.stat().st_mode & 0o777 == 0o700


def test_what_holds_the_same_already_is_not_copied_again(root: Path):
    _take(root)
    os.utime(root / MODULE)

    again = _take(root)

    assert (again.is_new, again.snapshot.number, _snapshots(root).numbers()) == (False, 1, (1,))


@pytest.mark.parametrize("change", ("content", "mode", "link"))
def test_anything_else_is_a_reason_for_another_one(root: Path, change: str):
    _take(root)
    if change == "content":
        (root / CONF).write_bytes(b"options amdgpu vm_size=9\n")
    elif change == "mode":
        (root / MODULE).chmod(0o600)
    else:
        (root / "etc/modprobe.d/linked.conf").unlink()

    assert (_take(root).snapshot.number, _snapshots(root).numbers()) == (2, (1, 2))


def test_a_boot_image_that_is_as_it_was_takes_no_room_again_and_a_module_is_a_copy_each_time(root: Path):
    _take(root)
    (root / CONF).write_bytes(b"options amdgpu vm_size=9\n")

    _take(root)

    first, second = (_snapshots(root).folder(number) / "files" for number in (1, 2))
    same = {path: (first / path).samefile(second / path) for path in (driverroots.IMAGE, MODULE)}
    assert same == {driverroots.IMAGE: True, MODULE: False}


def test_a_damaged_copy_of_a_boot_image_is_not_used_again(root: Path):
    _take(root)
    (_snapshots(root).folder(1) / "files" / driverroots.IMAGE).write_bytes(b"x")

    _take(root)

    assert _snapshots(root).damaged(2) == ()


def test_a_module_that_its_package_disowns_does_not_get_into_boot(root: Path):
    system = driverroots.system(root)
    (kernel,) = system.kernels
    owner = Owner("linux-image", "1", "md5", "0" * 32, is_intact=False)
    modules = tuple(replace(one, owner=owner) if one.path == MODULE else one for one in kernel.modules)

    snapshot.take(
        replace(system, kernels=(replace(kernel, modules=modules),)), _snapshots(root), BY_USER, HastyDisk(), wait=0
    )

    boot = root / "boot/rocmswitch/snapshot/files"
    assert [(boot / path).exists() for path in (MODULE, SHADOW)] == [False, True]


def test_a_damaged_newest_one_does_not_count_as_the_same(root: Path):
    _take(root)
    (_snapshots(root).folder(1) / "files" / MODULE).write_bytes(b"x")

    assert _snapshots(root).damaged(1) == (f"files/{MODULE}",)
    assert _take(root).snapshot.number == 2


def test_what_was_wrong_before_a_recovery_does_not_get_into_boot(root: Path):
    _take(root)
    (root / SHADOW).write_bytes(b"broken")

    _take(root, BEFORE_RECOVERY)

    assert (root / "boot/rocmswitch/snapshot/files" / SHADOW).read_bytes() == CONTENT[SHADOW]


def test_no_copy_goes_below_where_boot_should_be_mounted(root: Path):
    system = driverroots.system(root)
    unmounted = replace(system, boot=Boot(is_separate=True, is_mounted=False))

    taken = snapshot.take(unmounted, _snapshots(root), BY_USER, HastyDisk(), wait=0)

    assert taken.notes == ("no copy in /boot, which is not mounted",)
    assert not (root / "boot/rocmswitch").exists()


@pytest.mark.parametrize("name", ("manifest", "manifest.sha256", "attributes"))
def test_one_whose_own_files_were_changed_is_not_used(root: Path, name: str):
    _take(root)
    file = _snapshots(root).folder(1) / name
    content = file.read_bytes()
    digit = next(one for one in b"012345678" if one in content)  # a hash may be without any one of them
    file.write_bytes(content.replace(bytes([digit]), bytes([digit + 1])))

    with pytest.raises(VerificationFailed):
        _snapshots(root).read(1)
    assert [type(one) for one in _snapshots(root).all()] == [Unusable]
    assert _snapshots(root).newest() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone is asked whom a folder belongs to")
@pytest.mark.parametrize("above", (0, 1, 2, 3))
def test_one_that_others_could_have_written_is_refused(root: Path, above: int):
    _take(root)
    folder = _snapshots(root).folder(1)
    (folder, *folder.parents)[above].chmod(0o777)

    with pytest.raises(Refused) as caught:
        _snapshots(root).read(1)
    assert "may be written by others than root" in caught.value.message


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone is asked whom a file belongs to")
def test_a_manifest_of_somebody_else_is_refused(root: Path):
    _take(root)
    os.chown(_snapshots(root).folder(1) / "manifest", 1234, 1234)

    with pytest.raises(Refused):
        _snapshots(root).read(1)


def test_a_manifest_that_leads_out_of_the_snapshot_is_damaged(root: Path):
    from rocmswitch.metadata.snapshot import parse_manifest

    for path in ("../x", "/etc/shadow", "files/../../x", "files//x", "files/x\n"):
        with pytest.raises(VerificationFailed):
            parse_manifest(b"0" * 64 + b"  " + path.encode() + b"\n")


def test_a_name_that_a_manifest_cannot_hold_is_left_out_and_told(root: Path):
    (root / driverroots.SOURCE / "two\nlines.c").write_bytes(b"x")

    taken = _take(root)

    assert [note.partition(" is not")[0] for note in taken.notes] == [f"`'{driverroots.SOURCE}/two\\nlines.c'`"]
    assert _snapshots(root).damaged(1) == ()


def test_a_fifo_is_told_and_a_linked_folder_is_copied_as_what_it_is_there(root: Path):
    os.mkfifo(root / driverroots.SOURCE / "fifo")
    (root / "etc/modprobe.d").rename(root / "etc/elsewhere")
    (root / "etc/modprobe.d").symlink_to("/etc/elsewhere")

    taken = _take(root)

    assert [note.partition(" is ")[2] for note in taken.notes] == [
        "a FIFO, where a file is expected: it is not in the snapshot"
    ]
    assert taken.snapshot.find("etc/elsewhere/mine.conf") is not None
    assert taken.snapshot.find(CONF) is None


def test_a_snapshot_is_whole_or_absent_whenever_it_is_cut_off(root: Path):
    number, disk, whole = 0, CuttingDisk(0), []
    while disk.is_cut or number == 0:
        here = root.with_name(f"disk {number}")
        shutil.copytree(root, here, symlinks=True)
        disk = CuttingDisk(number)
        with contextlib.suppress(PowerCut):
            _take(here, disk=disk)
        found = _snapshots(here)
        whole.append(found.numbers())
        assert [found.damaged(one) for one in found.numbers()] in ([], [()]), f"cut before change {number}"
        again = _take(here)
        assert isinstance(found.newest(), Snapshot)
        assert (again.snapshot.number, [path.name for path in _folder(here)]) == (1, ["1"])
        shutil.rmtree(here)
        number += 1
    assert (whole[0], whole[-1]) == ((), (1,))


def _folder(root: Path) -> list[Path]:
    return sorted(Layout.driver(root).snapshots.iterdir())
