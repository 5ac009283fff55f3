"""rocmswitch driver: what kernels would load, copied, set, and taken back, on a small system below a folder."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.drivercommand import CONF, Driver
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import bad_module, in_tree, write

OTHER = "6.12.107+deb13-amd64"
FIRST = "# Made by rocmswitch: `rocmswitch driver set` and `driver unset` change it.\n"


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    return Driver.of(tmp_path)


def _snapshots(driver: Driver) -> list[str]:
    folder = driver.root / "var/lib/rocmswitch/driver/snapshots"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_parameter_is_set_in_a_file_of_ours_and_in_the_boot_image(driver: Driver):
    outcome = driver.succeed("driver", "set", "amdgpu.vm_size=8", "amdgpu.dc=0", "--yes")

    assert driver.conf == f"{FIRST}options amdgpu vm_size=8 dc=0\n"
    assert driver.packed_conf(KERNEL) == driver.conf
    assert f"back: `rocmswitch undo driver:1 --root '{driver.root}'`" in outcome.err
    assert (driver.root / CONF).stat().st_mode & 0o777 == 0o644
    assert _snapshots(driver) == ["1"]


def test_an_undo_brings_back_what_was_there_and_the_boot_image_with_it(driver: Driver):
    driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes")
    driver.succeed("driver", "set", "amdgpu.vm_size=9", "--yes")

    driver.succeed("undo", "driver", "--yes")
    first = (driver.conf, driver.packed_conf(KERNEL))
    driver.succeed("undo", "driver:1", "--yes")

    assert first == (f"{FIRST}options amdgpu vm_size=8\n",) * 2
    assert (driver.conf, driver.packed_conf(KERNEL)) == (None, None)


def test_an_undo_of_an_undo_has_it_again(driver: Driver):
    driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes")
    driver.succeed("undo", "driver", "--yes")

    driver.succeed("undo", "driver:2", "--yes")

    assert driver.conf == driver.packed_conf(KERNEL) == f"{FIRST}options amdgpu vm_size=8\n"


def test_unsetting_the_last_one_removes_the_file(driver: Driver):
    driver.succeed("driver", "set", "amdgpu.vm_size=8", "amdgpu.dc=0", "--yes")

    driver.succeed("driver", "unset", "amdgpu.vm-size", "--yes")
    one = driver.conf
    driver.succeed("driver", "unset", "amdgpu.dc", "--yes")

    assert one == f"{FIRST}options amdgpu dc=0\n"
    assert (driver.conf, driver.packed_conf(KERNEL)) == (None, None)


def test_what_is_set_already_changes_nothing_and_records_nothing(driver: Driver):
    driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes")
    image = driver.root / f"boot/initrd.img-{KERNEL}"
    before = image.stat()

    outcome = driver.succeed("driver", "set", "amdgpu.vm_size=8")

    assert "says so already, and no boot image has to be made anew" in outcome.err
    assert image.stat().st_mtime_ns == before.st_mtime_ns
    assert [one["number"] for one in json.loads(driver.succeed("history", "driver", "--json").out)] == [1]


def test_a_boot_image_that_says_something_else_is_made_anew_by_the_same_command(driver: Driver):
    image = driver.root / f"boot/initrd.img-{KERNEL}"
    old = image.read_bytes()
    driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes")
    write(image, old)  # as after a cut between the file and the image

    driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes")

    assert driver.packed_conf(KERNEL) == driver.conf
    assert [one["number"] for one in json.loads(driver.succeed("history", "driver", "--json").out)] == [1]


def test_a_dry_run_shows_it_all_and_changes_nothing(driver: Driver):
    before = sorted(path for path in driver.root.rglob("*"))

    outcome = driver.succeed("driver", "set", "amdgpu.vm_size=8", "--dry-run", "--json")

    plan = json.loads(outcome.out)
    assert (plan["after"], plan["images"], plan["generation"]) == (
        [FIRST.strip(), "options amdgpu vm_size=8"],
        [KERNEL],
        None,
    )
    assert sorted(path for path in driver.root.rglob("*")) == before


def test_a_kernel_whose_module_does_not_know_the_parameter_is_named(tmp_path: Path):
    from tests.support.kernelmodules import module
    from tests.support.kernelroots import chroot

    driver = Driver.of(tmp_path, KERNEL, OTHER)
    write(driver.root / in_tree(OTHER), module(kernel=OTHER, parameters=("vm_size:int",)))
    chroot(driver.root, "depmod", OTHER)

    outcome = driver.succeed("driver", "set", "amdgpu.mtype_local=1", "--yes")

    note = f"note: `amdgpu` of kernel {OTHER} has no parameter `mtype_local` and ignores it"
    assert [line for line in outcome.err.splitlines() if "mtype_local` and" in line] == [note]
    assert {driver.packed_conf(one) for one in (KERNEL, OTHER)} == {driver.conf}


def test_another_file_that_sets_the_same_is_told_with_whose_value_counts(driver: Driver):
    write(driver.root / "etc/modprobe.d/aaa.conf", "options amdgpu vm_size=1\n")
    write(driver.root / "etc/modprobe.d/zzz.conf", "options amdgpu vm_size=2\n")

    outcome = driver.succeed("driver", "set", "amdgpu.vm_size=8", "--dry-run")

    notes = [line for line in outcome.err.splitlines() if line.startswith("note:")]
    assert sorted(notes) == [
        "note: `/etc/modprobe.d/aaa.conf` sets `vm_size`, too, and is read earlier: the value set here counts",
        "note: `/etc/modprobe.d/zzz.conf` sets `vm_size`, too, and is read later: its value counts",
    ]


def test_modprobe_itself_reads_the_file_as_it_is_meant(driver: Driver):
    driver.succeed("driver", "set", "amdgpu.vm_size=8", "amdgpu.disable_cu=0.0.1,0.1.2", "--yes")

    said = subprocess.run(
        ["modprobe", "-C", str(driver.root / "etc/modprobe.d"), "-c"], capture_output=True, text=True, check=True
    ).stdout

    assert "options amdgpu vm_size=8 disable_cu=0.0.1,0.1.2" in said.splitlines()


def test_status_says_in_words_first_what_each_kernel_would_load(driver: Driver):
    shadow = f"usr/lib/modules/{KERNEL}/updates/dkms/amdgpu.ko"
    write(driver.root / shadow, bad_module())

    outcome = driver.succeed("driver", "status")

    assert outcome.out.splitlines()[0].startswith(f"kernel {KERNEL} would load ")
    rows = [" ".join(line.split()) for line in outcome.out.splitlines()]
    assert any(row.startswith("amdgpu updates/dkms/amdgpu.ko") and " alien " in row for row in rows), rows
    assert any("as packaged" in row for row in rows)


def test_status_tells_what_it_could_not_read(driver: Driver):
    os.mkfifo(driver.root / "etc/modprobe.d/strange.conf")

    outcome = driver.succeed("driver", "status")

    assert [line for line in outcome.err.splitlines() if "/etc/modprobe.d/strange.conf" in line] != []


def test_status_as_json_is_all_that_was_seen(driver: Driver):
    told = json.loads(driver.succeed("driver", "status", "--json").out)

    (kernel,) = told["kernels"]
    assert (told["root"], kernel["release"], kernel["modules"][0]["owner"]["is_intact"]) == (
        str(driver.root),
        KERNEL,
        True,
    )
    assert kernel["images"][0]["path"] == f"boot/initrd.img-{KERNEL}"


def test_a_snapshot_is_made_once_and_sha256sum_reads_it(driver: Driver):
    first = json.loads(driver.succeed("driver", "snapshot", "--json").out)
    again = json.loads(driver.succeed("driver", "snapshot", "--json").out)

    assert [(one["number"], one["is_new"]) for one in (first, again)] == [(1, True), (1, False)]
    paths = {one["path"] for one in first["files"]}
    assert {in_tree(KERNEL), f"boot/initrd.img-{KERNEL}"} <= paths
    folder = driver.root / "var/lib/rocmswitch/driver/snapshots/1"
    for name in ("manifest", "manifest.sha256"):
        assert subprocess.run(["sha256sum", "-c", "--quiet", name], cwd=folder, check=False).returncode == 0
    assert (driver.root / "boot/rocmswitch/snapshot/files" / in_tree(KERNEL)).exists()


def test_history_names_the_files_as_the_system_itself_does(driver: Driver):
    driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes")

    outcome = driver.succeed("history", "driver:1")

    assert f"/{CONF}" in outcome.out.splitlines()


def test_history_of_the_driver_tells_what_recover_sh_has_put_away(driver: Driver):
    folder = driver.root / "var/lib/rocmswitch/driver/quarantine/1"
    folder.mkdir(parents=True)

    assert f"recover.sh has put files away in {folder}" in driver.succeed("history", "driver").err


def test_what_was_let_go_cannot_be_taken_back_and_is_in_nobodys_way(driver: Driver):
    driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes")
    driver.succeed("driver", "set", "amdgpu.vm_size=9", "--yes")

    driver.succeed("backup", "prune", "driver:2", "--yes")

    assert driver.run("undo", "driver:2", "--yes").code == 3
    driver.succeed("undo", "driver", "--yes")
    assert driver.conf is None
