"""Files that are saved and put back, on a disk with links, one with reflinks, one with neither, and across two."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.deploy.backup import Vault
from rocmswitch.errors import Refused
from rocmswitch.model.deployment import NOTHING
from rocmswitch.system.disk import Disk
from rocmswitch.system.folder import Folder
from tests.support.decorated import CONTENT, decorate
from tests.support.disk import NotingDisk
from tests.support.filesystems import mounted_image
from tests.support.nobody import let_all_enter

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


def test_a_file_is_saved_as_the_very_file_and_put_back_as_it(folder: Folder, place: Path, saved: Path):
    os.link(place / "lib.so", place.parent / "cache of uv")
    before = folder.state("lib.so")
    vault = Vault(saved, Disk())

    state = vault.save(folder, "lib.so", "0.before")
    Disk().remove_in(folder, "lib.so")
    vault.put("0.before", state, folder, "lib.so")

    assert state == before == folder.state("lib.so")
    assert _inodes(saved / "0.before", place / "lib.so") == _inodes(place.parent / "cache of uv")


def test_saving_costs_no_second_copy_where_there_are_links(folder: Folder, saved: Path):
    disk = NotingDisk()

    Vault(saved, disk).save(folder, "lib.so", "0.before")

    assert [one.kind for one in disk.changes] == ["create", "clone", "remove", "link_out", "sync_file"]


@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
def test_where_blocks_can_be_shared_nothing_is_copied_and_nothing_is_linked(kind: str, tmp_path: Path):
    with mounted_image(kind, tmp_path.resolve() / "disk") as disk:
        (disk / "torch").mkdir()
        (disk / "saved").mkdir()
        with (disk / "torch/lib.so").open("wb") as file:
            file.writelines(os.urandom(1 << 20) for _ in range(64))
        decorate(disk / "torch/lib.so")
        Disk().sync_file(disk / "torch/lib.so")
        free = _free(disk)
        vault = Vault(disk / "saved", Disk())
        with Folder.reached(disk / "torch") as folder:
            state = vault.save(folder, "lib.so", "0.before")
            vault.put("0.before", state, folder, "again")
            assert vault.keep(folder, "again", "0.after")

            assert folder.state("lib.so") == state == folder.state("again")
        files = (disk / "torch/lib.so", disk / "saved/0.before", disk / "torch/again", disk / "saved/0.after")
        assert len(_inodes(*files)) == 4
        assert free - _free(disk) < 16 << 20
        vault.check("0.after", state)


@needs_root
def test_across_two_disks_a_copy_keeps_all_that_a_state_says(place: Path, folder: Folder, tmp_path: Path):
    os.chown(place / "lib.so", 12345, 54321)
    decorate(place / "lib.so")
    with mounted_image("ext4", tmp_path.resolve() / "disk", megabytes=40) as disk:
        vault = Vault(disk, Disk())

        state = vault.save(folder, "lib.so", "0.before")
        vault.put("0.before", state, folder, "again")

        assert folder.state("again") == state == folder.state("lib.so")
        assert (disk / "0.before").stat().st_mode & 0o777 == 0o600
        assert not vault.keep(folder, "again", "0.after")
        assert sorted(one.name for one in disk.iterdir()) == ["0.before", "lost+found"]


def test_on_a_disk_without_links_and_attributes_files_are_copied(tmp_path: Path):
    with mounted_image("vfat", tmp_path.resolve() / "disk", megabytes=40) as disk:
        for name in ("torch", "saved"):
            (disk / name).mkdir()
        (disk / "torch/lib.so").write_bytes(CONTENT)
        vault = Vault(disk / "saved", Disk())
        with Folder.reached(disk / "torch") as folder:
            state = vault.save(folder, "lib.so", "0.before")
            vault.put("0.before", state, folder, "again")

            assert folder.state("again").holds_the_same(state)
            assert not vault.keep(folder, "again", "0.after")


@needs_root
def test_a_file_of_somebody_else_that_may_not_be_linked_is_copied(place: Path, saved: Path):
    if Path("/proc/sys/fs/protected_hardlinks").read_text().strip() != "1":
        pytest.skip("this kernel links files of others")
    let_all_enter(place)
    for own in (place, saved.parent, saved):
        os.chown(own, 65534, 65534)
    (place / "lib.so").chmod(0o644)

    os.seteuid(65534)
    try:
        with Folder.reached(place) as folder:
            state = Vault(saved, Disk()).save(folder, "lib.so", "0.before")
            Vault(saved, Disk()).put("0.before", state, folder, "again")
            again = folder.state("again")
    finally:
        os.seteuid(0)

    assert (saved / "0.before").read_bytes() == CONTENT
    assert (saved / "0.before").stat().st_ino != (place / "lib.so").stat().st_ino
    # Whose file it is cannot be brought back without being root.
    assert again == replace(state, owner=65534)


def test_a_file_whose_attributes_changed_meanwhile_is_put_back_with_the_old_ones(
    folder: Folder, place: Path, saved: Path
):
    vault = Vault(saved, Disk())
    state = vault.save(folder, "lib.so", "0.before")
    (place / "lib.so").chmod(0o600)
    os.setxattr(place / "lib.so", "user.note", b"another")
    os.utime(place / "lib.so", ns=(1, 1))

    vault.put("0.before", state, folder, "again")

    assert folder.state("again") == state
    assert len(_inodes(place / "again", saved / "0.before")) == 2


def test_symlinks_and_nothing_are_saved_by_their_state_alone(folder: Folder, place: Path, saved: Path):
    (place / "link").symlink_to("../elsewhere/lib.so")
    vault = Vault(saved, Disk())

    link, nothing = vault.save(folder, "link", "0.before"), vault.save(folder, "none", "1.before")
    vault.put("", link, folder, "again")
    vault.put("", nothing, folder, "absent")

    assert (folder.state("again"), nothing, folder.state("absent")) == (link, NOTHING, NOTHING)
    assert [*saved.iterdir()] == []
    for state in (link, nothing):
        vault.check("", state)


def test_a_known_file_is_not_read(folder: Folder, saved: Path):
    known = folder.state("lib.so", sha256="what the record says")

    state = Vault(saved, Disk()).save(folder, "lib.so", "0.before", known=known)

    assert state == known


@needs_root
def test_a_known_file_that_has_to_be_copied_is_compared(folder: Folder, tmp_path: Path):
    known = folder.state("lib.so", sha256="0" * 64)
    with (
        mounted_image("ext4", tmp_path.resolve() / "disk", megabytes=40) as disk,
        pytest.raises(Refused, match=r"lib.so` is another file than it was$"),
    ):
        Vault(disk, Disk()).save(folder, "lib.so", "0.before", known=known)


def test_what_is_kept_stays_when_the_file_is_replaced(folder: Folder, place: Path, saved: Path):
    vault, state = Vault(saved, Disk()), folder.state("lib.so")

    assert vault.keep(folder, "lib.so", "0.after")
    (place / "new").write_bytes(b"new")
    Disk().rename_in(folder, "new", "lib.so")

    vault.check("0.after", state)


def _inodes(*paths: Path) -> set[int]:
    return {path.stat().st_ino for path in paths}


def _free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize
