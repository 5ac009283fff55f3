"""What a machine's disk may refuse, and what is said then."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rocmswitch.errors import Failed, MachineLacks
from rocmswitch.store.verify import verify_tree
from rocmswitch.system.disk import Disk, disk_errors
from tests.support.trees import NAME, install, tree_name, trees_in

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")


@needs_root
def test_a_full_disk_leaves_the_old_tree_and_says_what_is_missing(tmp_path: Path):
    with mounted(tmp_path / "small", "size=256k") as data:
        trees = trees_in(data, Disk())
        old = install(trees, Disk(), "old")
        with disk_errors(data):
            begun = trees.begin(tree_name("new"))
        with (
            pytest.raises(MachineLacks) as caught,
            disk_errors(begun),
            Disk().create(begun / "huge") as file,
        ):
            file.write(bytes(10**6))

        assert str(caught.value) == f"no space is left for `{begun}`"
        assert caught.value.hint == "run `rocmswitch cache prune`"
        assert trees.current(NAME) == old
        assert trees.sweep() == (begun.name,)
        assert install(trees, Disk(), "third") == trees.current(NAME)


@needs_root
def test_a_read_only_file_system_is_named(tmp_path: Path):
    with mounted(tmp_path / "small", "size=256k") as data:
        old = install(trees_in(data), Disk(), "old")
        subprocess.run(["mount", "-o", "remount,ro", str(data)], check=True)

        with pytest.raises(MachineLacks, match="is on a file system that is mounted read-only"):
            trees_in(data, Disk()).begin(tree_name("new"))
        with pytest.raises(MachineLacks, match=f"^`{data}/settings` is on"), disk_errors(data):
            Disk().replace_file(data / "settings", b"", 0o644)
        with pytest.raises(MachineLacks, match="mounted read-only"), trees_in(data).locked("third", wait=0):
            pass

        assert trees_in(data).current(NAME) == old
        assert verify_tree(data / "prefixes" / NAME) == ()


@needs_root
def test_a_rename_to_another_file_system_is_named(tmp_path: Path):
    with mounted(tmp_path / "small", "size=256k") as other:
        (tmp_path / "file").write_text("content")

        with pytest.raises(MachineLacks) as caught, disk_errors(tmp_path):
            Disk().rename(tmp_path / "file", other / "file")

        assert str(caught.value) == f"`{tmp_path}/file` and `{other}/file` must be on the same file system"


def test_a_folder_that_may_not_be_written_is_named():
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        (data / "prefixes").mkdir()
        for folder in (data / "prefixes", data):
            folder.chmod(0o555)

        with (
            without_rights(),
            pytest.raises(MachineLacks, match=r"`.*/prefixes/.trees` may not be changed or read"),
        ):
            trees_in(data, Disk()).begin(tree_name("one"))
        with without_rights(), pytest.raises(MachineLacks, match=r"`.*/locks` may not be changed or read"):
            trees_in(data).locked(NAME, wait=0).__enter__()

        data.chmod(0o755)


def test_errors_that_are_no_fault_of_the_machine_pass(tmp_path: Path):
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path):
        Disk().remove(tmp_path / "absent")


def test_a_tree_of_folders_without_any_permission_can_be_removed(tmp_path: Path):
    deep = tmp_path / "tree/a/b"
    deep.mkdir(parents=True)
    (tmp_path / "outside").mkdir(mode=0o500)
    (deep / "link").symlink_to(tmp_path / "outside")
    for folder in (deep, deep.parent, deep.parent.parent):
        folder.chmod(0)

    Disk().remove_tree(tmp_path / "tree")

    assert not (tmp_path / "tree").exists()
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o500


@contextmanager
def without_rights() -> Iterator[None]:
    """Root may write anywhere: meanwhile this process is `nobody`. Another user stays what it is."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class mounted:  # noqa: N801 - a context manager
    """A small file system in memory at *folder*; skips where this machine does not allow it."""

    def __init__(self, folder: Path, options: str) -> None:
        self._folder, self._options = folder, options

    def __enter__(self) -> Path:
        self._folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", self._options, "none", str(self._folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
        return self._folder

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", str(self._folder)], check=True)


def test_a_file_changed_in_place_keeps_its_mode_and_its_times(tmp_path: Path) -> None:
    path = tmp_path / "library.so"
    path.write_bytes(b"old bytes")
    path.chmod(0o444)
    os.utime(path, (1, 1))

    with Disk().edit(path) as file:
        file.write(b"new")

    found = path.stat()
    assert (path.read_bytes(), found.st_mode & 0o777, found.st_mtime) == (b"new bytes", 0o444, 1)


def test_a_file_with_a_second_name_is_not_changed_in_place(tmp_path: Path) -> None:
    path = tmp_path / "library.so"
    path.write_bytes(b"old bytes")
    (tmp_path / "other").hardlink_to(path)

    with pytest.raises(Failed), Disk().edit(path) as file:
        file.write(b"new")

    assert path.read_bytes() == b"old bytes"


def test_a_file_system_without_fsync_of_folders_is_synced_as_a_whole():
    folder = Path("/proc/self")  # its file system has none, as some of FUSE
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    with pytest.raises(OSError, match="Invalid argument"):
        os.fsync(descriptor)
    os.close(descriptor)

    Disk().sync_directory(folder)
