"""recover.sh where there is no room, nothing may be written, or no package says anything."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.breaking import fill, renew_image, shadow_by_hand, truncate_in_tree
from tests.support.editions import APPLY, SHELLS, Edition
from tests.support.filesystems import mounted_image
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import good_module, in_tree, kernel_root
from tests.support.recoveryscenes import packed_modules, snapshot, state


@pytest.fixture(params=SHELLS, ids=lambda one: one.name)
def shell(request: pytest.FixtureRequest) -> Edition:
    edition: Edition = request.param
    edition.require()
    return edition


def test_a_full_boot_gets_its_module_back_and_an_image_once_there_is_room(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    shadow_by_hand(root)
    renew_image(root)
    shutil.move(root / "boot", tmp_path / "boot")
    with mounted_image("ext4", root / "boot", 8):
        shutil.copytree(tmp_path / "boot", root / "boot", dirs_exist_ok=True)
        filler = fill(root / "boot", leave=0)
        full = shell.recover(root, *APPLY)
        filler.unlink()
        roomy = shell.recover(root, *APPLY)
        packed = packed_modules(root, KERNEL)

    assert (full.status, full.mentions("/boot has", "KiB free")) == (4, True), full
    assert (roomy.status, list(state(root)), packed) == (0, [in_tree()], {good_module()}), roomy


def test_a_root_that_is_mounted_read_only_is_said_with_the_line_that_changes_it(shell: Edition, tmp_path: Path):
    with mounted_image("ext4", tmp_path / "disk", 64) as disk:
        root = kernel_root(disk / "root", programs=True)
        shadow_by_hand(root)
        before = state(root)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

        said = shell.recover(root, *APPLY)

        assert (said.status, state(root)) == (6, before), said
        assert said.mentions("cannot be written to", f"type: mount -o remount,rw {root}")


def test_without_any_package_database_a_snapshot_that_fits_the_kernel_is_enough(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    shutil.rmtree(root / "var/lib/dpkg")
    snapshot(root)
    sound = state(root)
    truncate_in_tree(root)

    said = shell.recover(root, *APPLY)

    assert (said.status, state(root)) == (0, sound), said


def test_without_any_package_database_a_whole_module_is_left_alone(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    shutil.rmtree(root / "var/lib/dpkg")

    said = shell.recover(root, *APPLY)

    assert (said.status, list(state(root))) == (0, [in_tree()]), said


def test_a_root_that_cannot_be_read_through_a_link_is_not_taken_for_this_machine(shell: Edition, tmp_path: Path):
    """`lib` leads to `/usr/lib` by an absolute link: followed from outside, that is this machine's own."""
    root = kernel_root(tmp_path / "root", programs=True)
    (root / "lib").unlink()
    (root / "lib").symlink_to("/usr/lib")
    shadow_by_hand(root)

    said = shell.recover(root, *APPLY)

    assert (said.status, list(state(root))) == (0, [in_tree()]), said
