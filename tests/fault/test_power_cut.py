"""After a power cut at any moment the next command finds the old state or the new one; and each sync is needed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rocmswitch.model.package import Digest
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from tests.support.disk import (
    CuttingDisk,
    HastyDisk,
    NamesChanged,
    PowerCut,
    RecordingDisk,
    copy_folder,
    remove_folder,
)
from tests.support.power import State, states
from tests.support.trees import (
    NAME,
    assert_law,
    assert_next_command_works,
    fill_tree,
    install,
    tree_name,
    trees_in,
)

OLD, NEW, OLDER = tree_name("old"), tree_name("new"), tree_name("older")
OTHER = tree_name("other", "other")


@dataclass(frozen=True)
class Scene:
    """Something that changes the disk, and what must hold when the power is cut while it does."""

    name: str
    prepare: Callable[[Path], None]
    act: Callable[[Path, Disk], None]
    check: Callable[[Path, bool], None]
    """Given the folder and whether `act` had returned. Raises AssertionError."""


def trees_before(*contents: str) -> Callable[[Path], None]:
    """Trees installed one after the other, beside one of another name."""

    def prepare(data: Path) -> None:
        install(trees_in(data), HastyDisk(), "other", "other")
        for content in contents:
            install(trees_in(data), HastyDisk(), content)

    return prepare


def remains_of_a_broken_run(data: Path) -> None:
    trees_before("old")(data)
    disk = HastyDisk()
    tree = trees_in(data).begin(NEW)
    fill_tree(tree, "something else", disk)
    disk.symlink(data / "prefixes" / f".{NAME}.999999999.new", f".trees/{NEW}")


def install_new(data: Path, disk: Disk) -> None:
    install(trees_in(data, disk), disk, "new")


def point_to_old(data: Path, disk: Disk) -> None:
    install(trees_in(data, disk), disk, "old")


def remove(data: Path, disk: Disk) -> None:
    trees = trees_in(data, disk)
    with trees.locked(NAME, wait=0):
        trees.remove(NAME)


def sweep(data: Path, disk: Disk) -> None:
    trees = trees_in(data, disk)
    with trees.locked(NAME, wait=0):
        trees.sweep()


def trees_after(before: str, after: str) -> Callable[[Path, bool], None]:
    def check(data: Path, finished: bool) -> None:
        assert_law(data, {OTHER}, "other")
        current = assert_law(data, {after} if finished else {before, after})
        assert_next_command_works(data, current)
        assert_law(data, {OTHER}, "other")

    return check


def write_old_file(data: Path) -> None:
    (data / "activations").mkdir()
    (data / "activations/rocm.sh").write_bytes(b"export HIP_PATH=/old\n" * 5)


def replace_file(data: Path, disk: Disk) -> None:
    disk.replace_file(data / "activations/rocm.sh", b"export HIP_PATH=/new\n" * 9)


def file_is_old_or_new(data: Path, finished: bool) -> None:
    content = (data / "activations/rocm.sh").read_bytes()
    new = b"export HIP_PATH=/new\n" * 9
    assert content in ([new] if finished else [new, b"export HIP_PATH=/old\n" * 5])
    assert_replaceable(data / "activations/rocm.sh")


def write_seen_date(data: Path, disk: Disk) -> None:
    disk.make_directories(data / "seen/deep")
    disk.replace_file(data / "seen/deep/index", b"2026-01-02T03:04:05Z\n")


def seen_date_is_whole_or_absent(data: Path, finished: bool) -> None:
    path = data / "seen/deep/index"
    assert path.exists() or not finished
    assert not path.exists() or path.read_bytes() == b"2026-01-02T03:04:05Z\n"
    HastyDisk().make_directories(path.parent)
    assert_replaceable(path)


def write_old_link(data: Path) -> None:
    (data / "now").symlink_to("old")


def replace_link(data: Path, disk: Disk) -> None:
    disk.replace_symlink(data / "now", "new")


def link_is_old_or_new(data: Path, finished: bool) -> None:
    assert str((data / "now").readlink()) in (["new"] if finished else ["new", "old"])
    HastyDisk().replace_symlink(data / "now", "next")
    assert str((data / "now").readlink()) == "next"


ARCHIVE = b"the bytes of a package" * 50
DIGEST = Digest.sha256(hashlib.sha256(ARCHIVE).hexdigest())


def make_cache_folders(data: Path) -> None:
    (data / "sha256").mkdir()
    (data / "partial").mkdir()


def adopt_archive(data: Path, disk: Disk) -> None:
    cache = Cache(data / "sha256", data / "partial", disk)
    with disk.create(cache.partial_path(DIGEST)) as file:
        file.write(ARCHIVE)
    cache.adopt(DIGEST)
    cache.settle()


def archive_is_whole_or_absent(data: Path, finished: bool) -> None:
    cache = Cache(data / "sha256", data / "partial", HastyDisk())
    assert cache.find(DIGEST, len(ARCHIVE)) or not finished
    for path in cache.archives.iterdir():
        assert path.read_bytes() == ARCHIVE
    HastyDisk().discard(cache.partial_path(DIGEST))
    adopt_archive(data, HastyDisk())
    assert (data / "sha256" / DIGEST.value).read_bytes() == ARCHIVE


def assert_replaceable(path: Path) -> None:
    HastyDisk().replace_file(path, b"next")
    assert path.read_bytes() == b"next"
    assert [one.name for one in path.parent.iterdir()] == [path.name]


SCENES = (
    Scene("first publish", trees_before(), install_new, trees_after("", NEW)),
    Scene("replacing publish", trees_before("old"), install_new, trees_after(OLD, NEW)),
    Scene("publish over remains", remains_of_a_broken_run, install_new, trees_after(OLD, NEW)),
    Scene("return to an older tree", trees_before("old", "new"), point_to_old, trees_after(NEW, OLD)),
    Scene("remove", trees_before("older", "old"), remove, trees_after(OLD, "")),
    Scene("sweep", trees_before("older", "old"), sweep, trees_after(OLD, OLD)),
    Scene("replace file", write_old_file, replace_file, file_is_old_or_new),
    Scene("first seen date", lambda data: None, write_seen_date, seen_date_is_whole_or_absent),
    Scene("adopt into the cache", make_cache_folders, adopt_archive, archive_is_whole_or_absent),
    Scene("replace symlink", write_old_link, replace_link, link_is_old_or_new),
)
SCENES_WITHOUT_SYNC = (Scene("sweep of remains", remains_of_a_broken_run, sweep, trees_after(OLD, OLD)),)


def name_of(scene: Scene) -> str:
    return scene.name


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where it can be: thousands of small files are made and removed."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)
        for path in Path(name).iterdir():
            remove_folder(path)


def record(scene: Scene, folder: Path, *, without: int | None = None) -> RecordingDisk:
    """*scene* played in *folder*, recorded."""
    data = folder / "recorded"
    remove_folder(data)
    data.mkdir()
    scene.prepare(data)
    disk = RecordingDisk(data, without=without)
    scene.act(data, disk)
    return disk


def breach(scene: Scene, state: State, folder: Path) -> str:
    """How *state* breaks the law of *scene*; empty where it does not."""
    data = folder / "state"
    remove_folder(data)
    state.lay_out(data)
    try:
        scene.check(data, state.finished)
    except Exception as error:  # noqa: BLE001 - whatever the next command stumbles over is a breach
        return f"{'finished' if state.finished else 'cut'}: {type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("scene", (*SCENES, *SCENES_WITHOUT_SYNC), ids=name_of)
def test_every_state_that_a_power_cut_may_leave_is_the_old_one_or_the_new_one(scene: Scene, folder: Path):
    recorded = record(scene, folder)

    breaches = [found for state in states(recorded) if (found := breach(scene, state, folder))]

    assert breaches == []


@pytest.mark.parametrize("scene", SCENES, ids=name_of)
def test_without_any_one_of_its_syncs_a_power_cut_breaks_the_law(scene: Scene, folder: Path):
    syncs = record(scene, folder).syncs
    assert syncs

    unneeded = []
    for number, sync in enumerate(syncs):
        recorded = record(scene, folder, without=number)
        latest_first = reversed(list(states(recorded)))
        if not any(breach(scene, state, folder) for state in latest_first):
            unneeded.append(sync)

    assert unneeded == []


def test_a_receipt_written_before_the_rest_breaks_the_law(folder: Path):
    scene = SCENES[1]
    recorded = record(scene, folder)
    first = next(number for number, one in enumerate(recorded.events) if _names_receipt(one))
    last = max(number for number, one in enumerate(recorded.events) if _names_receipt(one))
    early = next(number for number, one in enumerate(recorded.events) if _names(one, "files.json"))

    receipt = recorded.events[first : last + 2]
    del recorded.events[first : last + 2]
    recorded.events[early:early] = receipt

    assert any(breach(scene, state, folder) for state in states(recorded))


@pytest.mark.parametrize("scene", (*SCENES, *SCENES_WITHOUT_SYNC), ids=name_of)
def test_a_cut_before_any_change_leaves_the_old_state_or_the_new_one(scene: Scene, folder: Path):
    counting = CuttingDisk(at=-1)
    start = folder / "start"
    start.mkdir()
    scene.prepare(start)
    copy_folder(start, folder / "counted")
    scene.act(folder / "counted", counting)

    for at in range(counting.seen):
        data = folder / f"cut-{at}"
        copy_folder(start, data)
        with pytest.raises(PowerCut):
            scene.act(data, CuttingDisk(at))
        scene.check(data, False)
        remove_folder(data)


def test_after_a_cut_the_disk_stays_cut(folder: Path):
    disk = CuttingDisk(at=0)

    for _ in range(2):
        with pytest.raises(PowerCut):
            disk.make_directory(folder / "new")

    assert not (folder / "new").exists()


def _names(event: object, name: str) -> bool:
    return isinstance(event, NamesChanged) and any(entry[1] == name for entry, _ in event.entries)


def _names_receipt(event: object) -> bool:
    return isinstance(event, NamesChanged) and any("receipt.json" in entry[1] for entry, _ in event.entries)
