"""What DKMS has built and put aside, in trees as DKMS 3.0 (Debian 12) and 3.2 (Debian 13) leave them."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from rocmswitch.host.dkms import read_dkms, read_originals
from rocmswitch.host.modulefiles import read_kernels
from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import DkmsBuild, DkmsModule
from tests.support.kernelmodules import KERNEL, packed
from tests.support.kernelroots import add_package, bad_module, good_module, in_tree, kernel_root, write

TREE = "var/lib/dkms/amdgpu"
SOURCE = "usr/src/amdgpu-1.0"
CONF = 'PACKAGE_NAME="amdgpu"\nBUILT_MODULE_NAME[0]="amdgpu"\nBUILT_MODULE_NAME[1]="amdttm"\nAUTOINSTALL="yes"\n'
BUILT = hashlib.sha256(bad_module()).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """With amdgpu/1.0 added, built and installed for KERNEL."""
    root = kernel_root(tmp_path / "a root")
    write(root / SOURCE / "dkms.conf", CONF)
    write(root / SOURCE / "kfd_crat.c", "good")
    write(root / TREE / "1.0" / KERNEL / "x86_64/module/amdgpu.ko", bad_module())
    write(root / TREE / "1.0" / KERNEL / "x86_64/log/make.log", "")
    (root / TREE / "1.0/source").symlink_to(f"/{SOURCE}")
    (root / TREE / f"kernel-{KERNEL}-x86_64").symlink_to(f"1.0/{KERNEL}/x86_64")
    write(root / "var/lib/dkms/mok.key", "")
    return root


def dkms(root: Path) -> tuple[DkmsModule, ...]:
    files = SystemRoot(root)
    return read_dkms(files, PackageFiles(files))


def originals(root: Path) -> list[tuple[str, str, str, str]]:
    found = read_originals(SystemRoot(root), read_kernels(root))
    return [(one.kernel, one.name, one.path, one.origin) for one in found]


def test_what_is_built_and_installed_is_told_with_the_hash_of_what_was_built(root):
    assert dkms(root) == (
        DkmsModule(
            "amdgpu",
            "1.0",
            source=SOURCE,
            provides=("amdgpu", "amdttm"),
            is_automatic=True,
            builds=(DkmsBuild(KERNEL, "installed", (("amdgpu", BUILT),)),),
        ),
    )


def test_a_build_that_is_not_installed_and_one_that_is_packed_are_told(root):
    (root / TREE / f"kernel-{KERNEL}-x86_64").unlink()
    folder = root / TREE / "1.0" / KERNEL / "x86_64/module"
    (folder / "amdgpu.ko").unlink()
    write(folder / "amdgpu.ko.xz", packed(bad_module(), ".ko.xz"))

    assert dkms(root)[0].builds == (DkmsBuild(KERNEL, "built", (("amdgpu", BUILT),)),)


def test_another_module_of_dkms_is_none_of_ours(root):
    shutil.rmtree(root / TREE)
    write(root / "usr/src/zfs-2/dkms.conf", 'PACKAGE_NAME="zfs"\nBUILT_MODULE_NAME[0]="zfs"\n')
    (root / "var/lib/dkms/zfs/2").mkdir(parents=True)
    (root / "var/lib/dkms/zfs/2/source").symlink_to("/usr/src/zfs-2")

    assert dkms(root) == ()


def test_what_no_file_says_literally_is_seen_by_what_was_built(root):
    write(root / SOURCE / "dkms.conf", 'PACKAGE_NAME="x"\nBUILT_MODULE_NAME[0]="$(cat name)"\n')

    assert dkms(root)[0].provides == ("amdgpu",)


@pytest.mark.parametrize("name", ["amdgpu.conf", "amdgpu-1.0.conf"])
def test_an_override_takes_the_automatism_away(root, name):
    write(root / "etc/dkms" / name, 'AUTOINSTALL=""\n')

    assert not dkms(root)[0].is_automatic


def test_a_shell_without_source_and_modules_is_a_leftover_and_one_with_modules_is_none(root):
    (root / "usr/src").rename(root / "usr/gone")
    (root / "var/lib/dkms/other/2.0/build").mkdir(parents=True)
    (root / "var/lib/dkms/other/2.0/source").symlink_to("/usr/src/other-2.0")
    (root / "var/lib/dkms/empty").mkdir()

    assert [(one.name, one.version, one.source, one.is_leftover) for one in dkms(root)] == [
        ("amdgpu", "1.0", "", False),
        ("other", "2.0", "", True),
    ]


def test_files_of_a_packaged_source_that_were_changed_added_or_removed_are_named(root):
    write(root / SOURCE / "sub/gone.c", "")
    write(root / SOURCE / "same.c", "same")
    add_package(
        root, "amdgpu-dkms", [f"{SOURCE}/{one}" for one in ("dkms.conf", "kfd_crat.c", "sub/gone.c", "same.c")]
    )
    write(root / SOURCE / "kfd_crat.c", "patched")
    (root / SOURCE / "sub/gone.c").unlink()
    write(root / SOURCE / "sub/kfd_crat.c.orig", "good")

    (found,) = dkms(root)

    assert (found.owner, found.changed) == (
        "amdgpu-dkms",
        (f"{SOURCE}/kfd_crat.c", f"{SOURCE}/sub/gone.c", f"{SOURCE}/sub/kfd_crat.c.orig"),
    )


def test_of_a_source_that_no_package_brought_nothing_can_be_said(root):
    assert (dkms(root)[0].owner, dkms(root)[0].changed) == ("", ())


def test_the_tree_is_where_the_configuration_of_dkms_says(root):
    (root / "srv").mkdir()
    (root / "var/lib/dkms").rename(root / "srv/dkms")
    write(root / "etc/dkms/framework.conf", '# dkms_tree="/var/lib/dkms"\ndkms_tree="/srv/dkms"\n')

    assert [one.name for one in dkms(root)] == ["amdgpu"]


def test_a_hostile_tree_that_is_the_whole_root_is_not_walked_through(root):
    write(root / "etc/dkms/framework.conf", 'dkms_tree="/usr/.."\n')
    write(root / "amdgpu.ko.origin", good_module())

    assert ([one.name for one in dkms(root)], originals(root)) == (["amdgpu"], [])


def test_a_source_that_leads_to_a_folder_of_many_packages_is_compared_with_none(root):
    write(root / "usr/dkms.conf", CONF)
    add_package(root, "everything", ["usr/dkms.conf"])
    (root / TREE / "1.0/source").unlink()
    (root / TREE / "1.0/source").symlink_to("/usr")

    assert [(one.source, one.owner, one.changed) for one in dkms(root)] == [("usr", "", ())]


def test_the_distributions_module_that_dkms_moved_away_is_told_with_the_place_it_came_from(root):
    folder = root / TREE / "original_module" / KERNEL / "x86_64"
    write(folder / "amdgpu.ko", (root / in_tree()).read_bytes())
    write(folder / "amdgpu.ko.origin", f"/{in_tree().removeprefix('usr/')}\n")
    (root / in_tree()).unlink()

    assert originals(root) == [
        (KERNEL, "amdgpu", f"{TREE}/original_module/{KERNEL}/x86_64/amdgpu.ko", in_tree()),
    ]


def test_copies_that_a_person_left_beside_modules_are_told_and_other_files_are_not(root):
    folder = (root / in_tree()).parent
    write(folder / "amdgpu.ko.origin", good_module())
    write(folder / "amdgpu.ko.xz.orig-2024", packed(good_module(), ".ko.xz"))
    write(folder / "amdgpu.ko.bak", good_module())
    write(folder / "radeon.ko.origin", good_module())
    write(folder / "amdgpu.ko.txt", "")
    write(root / "var/lib/dkms/amdgpu.ko.origin", good_module())

    assert sorted(originals(root)) == [
        (KERNEL, "amdgpu", path, "")
        for path in (
            f"{in_tree()}.bak",
            f"{in_tree()}.origin",
            f"{in_tree()}.xz.orig-2024",
            "var/lib/dkms/amdgpu.ko.origin",
        )
    ]


def test_a_hostile_tree_reads_nothing_of_this_machine_and_waits_for_nobody(root, tmp_path):
    write(tmp_path / "outside/dkms.conf", CONF)
    evil = root / "var/lib/dkms/evil"
    (evil / "1").mkdir(parents=True)
    (evil / "1/source").symlink_to(tmp_path / "outside")
    (evil / "2").mkdir()
    os.mkfifo(evil / "2/dkms.conf")
    (evil / "2/source").symlink_to(".")
    (evil / "3").symlink_to("3")
    module = root / TREE / "1.0" / KERNEL / "x86_64/module/amdgpu.ko"
    module.unlink()
    os.mkfifo(module)
    files = SystemRoot(root)

    found = read_dkms(files, PackageFiles(files))

    assert [(one.name, one.version, one.is_leftover) for one in found] == [
        ("amdgpu", "1.0", False),
        ("evil", "1", True),
        ("evil", "2", True),
    ]
    assert len(files.unread) == 3
