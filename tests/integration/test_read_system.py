"""A whole system, read at once: its values are those that a person would find by looking."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.errors import MachineLacks, NotFound
from rocmswitch.host.system import read_system
from rocmswitch.model.kernel import Original, Owner
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import VERSION, add_package, bad_module, good_module, in_tree, kernel_root, write
from tests.support.nobody import as_nobody

SHADOW = f"usr/lib/modules/{KERNEL}/updates/dkms/amdgpu.ko"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return kernel_root(tmp_path / "a root")


def test_a_sound_system_has_one_kernel_whose_module_is_its_packages(root):
    system = read_system(root)

    (kernel,) = system.kernels
    assert (system.root, system.package_database, kernel.release, kernel.package, kernel.package_version) == (
        str(root),
        "dpkg",
        KERNEL,
        f"linux-image-{KERNEL}",
        VERSION,
    )
    assert [(one.path, one.owner and one.owner.is_intact) for one in kernel.modules] == [(in_tree(), True)]
    assert [(one.name, one.path) for one in kernel.stated] == [("amdgpu", in_tree())]
    assert (system.running, system.settings, system.dkms, system.originals, system.unread) == (None, (), (), (), ())


def test_settings_and_firmware_have_their_owners(root):
    write(root / "etc/modprobe.d/mine.conf", "blacklist amdgpu\n")
    write(root / "usr/lib/modprobe.d/theirs.conf", "options amdgpu dc=1\n")
    write(root / "usr/lib/firmware/updates/amdgpu/x.bin", "x")
    add_package(root, "amdgpu-dkms", ["usr/lib/modprobe.d/theirs.conf", "usr/lib/firmware/updates/amdgpu/x.bin"])

    system = read_system(root)

    owners = {one.path: one.owner for one in (*system.settings, *system.firmware)}
    assert {path: owner.package if owner else None for path, owner in owners.items()} == {
        "etc/modprobe.d/mine.conf": None,
        "usr/lib/modprobe.d/theirs.conf": "amdgpu-dkms",
        "usr/lib/firmware/updates/amdgpu/x.bin": "amdgpu-dkms",
    }


def test_an_original_that_an_old_dkms_put_into_updates_is_told_and_what_it_has_built_is_not(root):
    write(root / SHADOW, good_module())
    write(root / f"var/lib/dkms/amdgpu/1/{KERNEL}/x86_64/module/amdttm.ko", bad_module(name="amdttm"))
    write(root / SHADOW.replace("amdgpu.ko", "amdttm.ko"), bad_module(name="amdttm"))
    (root / in_tree()).unlink()

    system = read_system(root)

    (found,) = system.originals
    assert replace(found, contents=system.kernels[0].modules[0].contents) == Original(
        KERNEL, "amdgpu", SHADOW, system.kernels[0].modules[0].contents
    )
    assert [one.owner for one in system.kernels[0].stated] == [
        Owner(f"linux-image-{KERNEL}", VERSION, "md5", found.contents.md5)
    ]


def test_a_root_that_is_reached_by_a_link_is_the_folder_itself(root, tmp_path):
    (tmp_path / "link").symlink_to("a root")

    assert read_system(tmp_path / "link").root == str(root)


def test_a_root_that_leads_in_a_circle_is_a_file_or_is_not_there_is_refused(tmp_path):
    (tmp_path / "circle").symlink_to("circle")
    write(tmp_path / "file", "")

    for name in ("circle", "file", "nothing"):
        with pytest.raises(NotFound):
            read_system(tmp_path / name)


def test_a_root_that_this_user_may_not_enter_is_not_called_empty(root):
    root.chmod(0)

    with as_nobody(root.parent), pytest.raises(MachineLacks) as caught:
        read_system(root)

    assert "Permission denied" in caught.value.message


def test_nothing_below_the_root_is_changed_by_looking(root):
    write(root / SHADOW, bad_module())

    before = sorted((str(one), one.lstat().st_mtime_ns, one.lstat().st_size) for one in root.rglob("*"))
    read_system(root)

    assert before == sorted((str(one), one.lstat().st_mtime_ns, one.lstat().st_size) for one in root.rglob("*"))


def test_fifos_in_the_place_of_everything_are_told_and_never_waited_for(root):
    for path in (
        in_tree(),
        SHADOW,
        "var/lib/dpkg/status",
        "etc/fstab",
        "etc/default/grub",
        "etc/dkms/framework.conf",
    ):
        (root / path).unlink(missing_ok=True)
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(root / path)

    system = read_system(root)

    assert {one.split("`")[1] for one in system.unread} >= {"/etc/fstab", "/etc/default/grub"}


def test_what_this_user_may_not_read_is_told_and_all_else_is_read(root):
    (root / "etc/modprobe.d").chmod(0)
    (root / "var/lib/dkms").chmod(0)

    with as_nobody(root):
        system = read_system(root)

    assert {one.split("`")[1] for one in system.unread} == {"/etc/modprobe.d", "/var/lib/dkms"}
    assert system.kernels[0].modules
