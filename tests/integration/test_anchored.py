"""Changes below a folder that is held by its descriptor: what they do, and what they refuse."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.errors import Refused
from rocmswitch.model.deployment import FILE, FileState
from rocmswitch.system.disk import Disk
from rocmswitch.system.folder import Folder
from tests.support.filesystems import mounted_image

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path.resolve() / "torch lib"
    place.mkdir()
    return place


@pytest.fixture
def folder(place: Path) -> Iterator[Folder]:
    with Folder.reached(place) as folder:
        yield folder


def test_a_new_file_has_exactly_its_mode_and_replaces_nothing(folder: Folder, place: Path):
    old = os.umask(0o077)
    try:
        with Disk().create_in(folder, "new", 0o664) as file:
            file.write(b"content")
    finally:
        os.umask(old)

    assert (place / "new").read_bytes() == b"content"
    assert (place / "new").stat().st_mode & 0o7777 == 0o664
    (place / "link").symlink_to("elsewhere")
    for taken in ("new", "link"):
        with pytest.raises(FileExistsError) as caught, Disk().create_in(folder, taken):
            pass
        assert caught.value.filename == f"{place}/{taken}"
    assert not (place / "elsewhere").exists()


def test_a_rename_takes_the_place_of_what_was_there_without_writing_to_it(folder: Folder, place: Path):
    (place / "old").write_bytes(b"old")
    os.link(place / "old", place.parent / "cache")
    (place / "new").write_bytes(b"new")

    Disk().rename_in(folder, "new", "old")

    assert _content(place) == {"old": b"new"}
    assert (place.parent / "cache").read_bytes() == b"old"


def test_a_rename_onto_another_name_of_the_same_file_leaves_one_name(folder: Folder, place: Path):
    (place / "one").write_bytes(b"same")
    os.link(place / "one", place / "other")

    Disk().rename_in(folder, "one", "other")

    assert _content(place) == {"other": b"same"}


def test_links_go_out_and_in_as_the_very_file(folder: Folder, place: Path, tmp_path: Path):
    (place / "lib.so").write_bytes(b"library")

    Disk().link_out(folder, "lib.so", tmp_path / "saved")
    Disk().link_in(tmp_path / "saved", folder, "again")

    assert {one.stat().st_ino for one in (tmp_path / "saved", place / "again")} == {
        (place / "lib.so").stat().st_ino
    }


def test_a_link_of_a_symlink_is_the_symlink(folder: Folder, place: Path, tmp_path: Path):
    (place / "link").symlink_to("/etc/shadow")

    Disk().link_out(folder, "link", tmp_path / "saved")

    assert (tmp_path / "saved").readlink() == Path("/etc/shadow")


def test_what_is_removed_is_gone(folder: Folder, place: Path):
    (place / "file").touch()
    Disk().symlink_in(folder, "link", "target of a link")
    assert (place / "link").readlink() == Path("target of a link")

    Disk().remove_in(folder, "file")
    Disk().remove_in(folder, "link")

    assert _content(place) == {}
    with pytest.raises(FileNotFoundError) as caught:
        Disk().remove_in(folder, "file")
    assert caught.value.filename == f"{place}/file"
    (place / "folder").mkdir()
    (place / "file").touch()
    with pytest.raises(IsADirectoryError, match=f"'{place}/file' -> '{place}/folder'$"):
        Disk().rename_in(folder, "file", "folder")


def test_changes_stay_in_the_folder_that_was_reached_when_its_name_is_taken(folder: Folder, place: Path):
    outside = place.parent / "outside"
    (outside).mkdir()
    (outside / "old").write_bytes(b"not to be touched")
    (place / "old").write_bytes(b"old")
    moved = place.rename(place.parent / "moved")
    place.symlink_to(outside)
    disk = Disk()

    with disk.create_in(folder, "new") as file:
        file.write(b"new")
    disk.sync_in(folder, "new")
    disk.rename_in(folder, "new", "old")
    disk.symlink_in(folder, "link", "target")
    disk.link_out(folder, "old", place.parent / "saved")
    disk.link_in(place.parent / "saved", folder, "again")
    disk.remove_in(folder, "link")
    disk.sync_folder(folder)

    assert _content(moved) == {"old": b"new", "again": b"new"}
    assert _content(outside) == {"old": b"not to be touched"}


@pytest.mark.parametrize("name", ["..", "a/b", "", "/etc/passwd"])
def test_no_name_leads_out_of_the_folder(folder: Folder, tmp_path: Path, name: str):
    disk, state = Disk(), FileState(FILE)
    changes: list[Callable[[], object]] = [
        lambda: disk.create_in(folder, name).__enter__(),
        lambda: disk.rename_in(folder, name, "x"),
        lambda: disk.rename_in(folder, "x", name),
        lambda: disk.link_out(folder, name, tmp_path / "x"),
        lambda: disk.link_in(tmp_path / "x", folder, name),
        lambda: disk.symlink_in(folder, name, "x"),
        lambda: disk.remove_in(folder, name),
        lambda: disk.sync_in(folder, name),
        lambda: disk.set_attributes_in(folder, name, state),
    ]

    for change in changes:
        with pytest.raises(Refused, match="is no name of a file in"):
            change()


def test_a_state_is_set_whole_also_on_a_file_that_may_not_be_written(folder: Folder, place: Path):
    (place / "model").write_bytes(b"x")
    for name, value in (("user.b", b"\0\1"), ("user.a", b"")):
        os.setxattr(place / "model", name, value)
    os.utime(place / "model", ns=(1, 999_999_999_999_999_999))
    (place / "model").chmod(0o4551)
    state = folder.state("model")
    (place / "new").write_bytes(b"x")
    os.setxattr(place / "new", "user.inherited", b"1")
    (place / "new").chmod(0o400)

    Disk().set_attributes_in(folder, "new", state)

    assert folder.state("new") == state


@needs_root
def test_root_sets_the_owner_and_what_is_roots_own(folder: Folder, place: Path):
    (place / "new").write_bytes(b"")
    state = replace(
        folder.state("new"),
        owner=12345,
        group=54321,
        mode=0o6755,
        attributes=(("security.capability", "AQAAAgAEAAAAAAAAAAAAAAAAAAA="), ("trusted.note", "AA==")),
    )

    Disk().set_attributes_in(folder, "new", state)

    assert folder.state("new") == state


@needs_root
def test_another_user_sets_all_but_the_owner_and_what_is_roots_own(folder: Folder, place: Path):
    for above in (place.parent.parent.parent, place.parent.parent, place.parent):
        above.chmod(0o755)
    (place / "new").write_bytes(b"")
    os.chown(place / "new", 65534, 65534)
    attributes = (
        ("security.capability", "AQAAAgAEAAAAAAAAAAAAAAAAAAA="),
        ("trusted.x", "AA=="),
        ("user.y", "AA=="),
    )
    state = replace(folder.state("new"), owner=12345, group=54321, mode=0o640, attributes=attributes)

    os.seteuid(65534)
    try:
        Disk().set_attributes_in(folder, "new", state)
    finally:
        os.seteuid(0)

    assert folder.state("new") == replace(state, owner=65534, group=65534, attributes=(("user.y", "AA=="),))


def test_the_times_of_a_symlink_are_its_own(folder: Folder, place: Path):
    (place / "target").touch()
    (place / "link").symlink_to("target")
    before = (place / "target").stat().st_mtime_ns
    state = replace(folder.state("link"), modified=5_000_000_005)

    Disk().set_attributes_in(folder, "link", state)

    assert folder.state("link") == state
    assert (place / "target").stat().st_mtime_ns == before


@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
def test_a_clone_shares_the_blocks_and_nothing_else(kind: str, tmp_path: Path):
    with mounted_image(kind, tmp_path.resolve() / "disk") as disk, Folder.reached(disk) as folder:
        (disk / "old").write_bytes(os.urandom(64 << 20))
        Disk().sync_file(disk / "old")
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize

        with folder.open("old") as old:
            Disk().clone_in(old, folder, "new", 0o644)
            Disk().clone(old, disk / "path", 0o600)
        for name in ("new", "path"):
            Disk().sync_in(folder, name)

        assert free - os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize < 16 << 20
        assert folder.state("new").sha256 == folder.state("path").sha256 == folder.state("old").sha256
        assert [folder.state(name).mode for name in ("new", "path")] == [0o644, 0o600]
        with (disk / "new").open("r+b") as file:
            file.write(b"changed")
        assert folder.state("path").sha256 == folder.state("old").sha256


def test_where_blocks_cannot_be_shared_nothing_is_left(folder: Folder, place: Path, tmp_path: Path):
    (place / "old").write_bytes(b"old")
    with folder.open("old") as old, Path("/proc/self/status").open("rb") as foreign:
        for attempt in (
            lambda: Disk().clone_in(foreign, folder, "new"),
            lambda: Disk().clone(foreign, tmp_path / "new"),
        ):
            with pytest.raises(OSError, match=r"/new'$"):
                attempt()
        assert old.read() == b"old"

    assert _content(place) == {"old": b"old"}
    assert not (tmp_path / "new").exists()


def _content(folder: Path) -> dict[str, bytes]:
    return {one.name: b"" if one.is_symlink() else one.read_bytes() for one in folder.iterdir()}
