"""Packages that a new tree shares with the old one."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.store.reuse import Wanted, key, reuse
from rocmswitch.system.disk import Change, Disk
from tests.support.disk import HastyDisk, remove_folder
from tests.support.trees import NAME, replace_content, take_inventory, tree_name, trees_in


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    remove_folder(tmp_path / "data")


def test_unchanged_packages_are_hard_linked_from_the_old_tree(data: Path):
    old, wanted = install_packages(data)
    new = trees_in(data).begin(tree_name("new"))

    taken = reuse(old, new, Wanted(wanted), HastyDisk()).whole

    assert sorted(name for name, _, _ in taken) == ["plain"]
    assert sorted(one.path for entries in taken.values() for one in entries) == ["lib", "lib/plain", "lib/plain.so"]
    assert (new / "lib/plain").samefile(old / "lib/plain")
    assert (new / "lib/plain.so").readlink() == Path("plain")
    assert not (new / "lib/moved").exists()


def test_a_damaged_package_is_not_taken_over(data: Path):
    old, wanted = install_packages(data)
    replace_content(old / "lib/plain", b"evil!")

    assert reuse(old, trees_in(data).begin(tree_name("new")), Wanted(wanted), HastyDisk()).whole == {}


def test_no_package_is_taken_over_whole_where_one_goes_or_changes(data: Path):
    old, wanted = install_packages(data)

    less = Wanted(wanted - {("moved", "b" * 64, "rocm")})

    assert reuse(old, trees_in(data).begin(tree_name("new")), less, Disk()).whole == {}


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EMLINK, errno.ENOSYS], ids=os.strerror)
def test_without_hard_links_the_files_are_copied_with_their_times(data: Path, number: int):
    class WithoutLinks(HastyDisk):
        def about_to(self, change: Change) -> None:
            if change.kind == "link":
                raise OSError(number, os.strerror(number), str(change.path), None, change.target)

    old, wanted = install_packages(data)
    os.utime(old / "lib/plain", (1_000_000_000, 1_000_000_000))
    new = trees_in(data).begin(tree_name("new"))

    reuse(old, new, Wanted(wanted), WithoutLinks())

    assert (new / "lib/plain").read_bytes() == (old / "lib/plain").read_bytes()
    assert not (new / "lib/plain").samefile(old / "lib/plain")
    assert (new / "lib/plain").stat().st_mtime == 1_000_000_000


def install_packages(data: Path) -> tuple[Path, frozenset[tuple[str, str, str]]]:
    """A tree of two packages, `plain` and `moved`, which was relocated; and what a larger tree would want."""
    trees, disk = trees_in(data), HastyDisk()
    tree = trees.begin(tree_name("old"))
    disk.make_directory(tree / "lib")
    disk.write_file(tree / "lib/plain", b"plain")
    disk.symlink(tree / "lib/plain.so", "plain")
    disk.write_file(tree / "lib/moved", b"moved")
    packages = tuple(
        InstalledPackage(name, "1", f"{name}.deb", 1, letter * 64, "signed")
        for name, letter in (("plain", "a"), ("moved", "b"))
    )
    receipt = Receipt("prefix", NAME, NAME, "1", tree.name, "2026-01-02T03:04:05Z", packages=packages)
    trees.publish(tree.name, NAME, receipt, [_owned(one) for one in take_inventory(tree)])
    return tree, frozenset({key(one) for one in packages} | {("added", "c" * 64, "rocm")})


def _owned(entry: FileEntry) -> FileEntry:
    if entry.path == "lib/moved":
        return replace(entry, package="moved", original_sha256="d" * 64, reason="rpath")
    return replace(entry, package="plain")
