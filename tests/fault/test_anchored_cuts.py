"""Changes below a folder that is held by its descriptor, and what a power cut leaves of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.system.disk import Change, Disk
from rocmswitch.system.folder import Folder
from tests.support.disk import CuttingDisk, PowerCut, RecordingDisk
from tests.support.power import states


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path.resolve() / "torch lib"
    place.mkdir()
    return place


@pytest.fixture
def folder(place: Path) -> Iterator[Folder]:
    with Folder.reached(place) as folder:
        yield folder


def test_every_change_is_announced_before_it_happens(folder: Folder, place: Path):
    done: list[tuple[str, list[str]]] = []

    class Announcing(Disk):
        def about_to(self, change: Change) -> None:
            done.append((change.kind, sorted(_content(place))))

    disk = Announcing()
    _all_changes(disk, folder, place.parent)

    assert done == [
        ("create_in", []),
        ("set_attributes_in", ["new"]),
        ("sync_in", ["new"]),
        ("rename_in", ["new"]),
        ("link_out", ["lib.so"]),
        ("link_in", ["lib.so"]),
        ("symlink_in", ["again", "lib.so"]),
        ("remove_in", ["again", "lib.so", "link"]),
        ("sync_folder", ["again", "lib.so"]),
    ]


def test_the_power_can_be_cut_before_every_change(tmp_path: Path):
    for at in range(9):
        place = tmp_path.resolve() / str(at) / "torch lib"
        place.mkdir(parents=True)
        disk = CuttingDisk(at)

        with pytest.raises(PowerCut), Folder.reached(place) as folder:
            _all_changes(disk, folder, place.parent)

        assert disk.seen == at


def test_what_was_synced_in_a_folder_is_there_after_every_cut_that_follows(tmp_path: Path):
    place = tmp_path.resolve() / "torch lib"
    place.mkdir()
    (place / "lib.so").write_bytes(b"old")
    (place / "lib.so").chmod(0o644)
    disk = RecordingDisk(tmp_path.resolve())
    with Folder.reached(place) as folder:
        with disk.create_in(folder, "new") as file:
            file.write(b"new")
        disk.set_attributes_in(folder, "new", replace(folder.state("new"), mode=0o755))
        disk.sync_in(folder, "new")
        disk.rename_in(folder, "new", "lib.so")
        disk.sync_folder(folder)

    found = {(state.finished, dict(state.paths).get("torch lib/lib.so")) for state in states(disk)}

    old, new = ("file", b"old", 0o644), ("file", b"new", 0o755)
    assert found == {(False, old), (False, new), (True, new)}


def test_a_forgotten_sync_of_a_file_or_its_folder_is_seen(tmp_path: Path):
    outcomes = []
    for without in (0, 1):
        place = tmp_path.resolve() / f"{without}/torch"
        place.mkdir(parents=True)
        disk = RecordingDisk(place.parent, without=without)
        with Folder.reached(place) as folder:
            with disk.create_in(folder, "new") as file:
                file.write(b"new")
            disk.sync_in(folder, "new")
            disk.rename_in(folder, "new", "lib.so")
            disk.sync_folder(folder)
        last = [dict(state.paths).get("torch/lib.so") for state in states(disk) if state.finished]
        outcomes.append({one and one[1] for one in last})

    assert outcomes == [{b"new", b"", b"n", b"\0\0\0"}, {None, b"new"}]


def test_a_recording_disk_knows_links_removals_and_clones_that_failed(tmp_path: Path):
    root = tmp_path.resolve() / "root"
    (root / "torch").mkdir(parents=True)
    (root / "torch/lib.so").write_bytes(b"library")
    disk = RecordingDisk(root)
    with Folder.reached(root / "torch") as folder:
        disk.link_out(folder, "lib.so", root / "saved")
        disk.link_in(root / "saved", folder, "again")
        disk.symlink_in(folder, "link", "lib.so")
        disk.remove_in(folder, "lib.so")
        with Path("/proc/self/status").open("rb") as foreign, pytest.raises(OSError, match="new"):
            disk.clone_in(foreign, folder, "new")
        disk.sync_folder(folder)
    disk.sync_directory(root)

    (last,) = {
        tuple((path, kind, content) for path, (kind, content, _) in one.paths)
        for one in states(disk)
        if one.finished
    }

    assert last == (
        ("saved", "file", b"library"),
        ("torch", "directory", b""),
        ("torch/again", "file", b"library"),
        ("torch/link", "link", b"lib.so"),
    )


def _all_changes(disk: Disk, folder: Folder, outside: Path) -> None:
    with disk.create_in(folder, "new") as file:
        file.write(b"new")
    disk.set_attributes_in(folder, "new", folder.state("new"))
    disk.sync_in(folder, "new")
    disk.rename_in(folder, "new", "lib.so")
    disk.link_out(folder, "lib.so", outside / "saved")
    disk.link_in(outside / "saved", folder, "again")
    disk.symlink_in(folder, "link", "lib.so")
    disk.remove_in(folder, "link")
    disk.sync_folder(folder)


def _content(folder: Path) -> dict[str, bytes]:
    return {one.name: b"" if one.is_symlink() else one.read_bytes() for one in folder.iterdir()}
