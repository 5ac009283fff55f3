"""A path that two packages hold, of which one is taken over from the old tree and the other unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.store.reuse import Wanted, key, reuse
from rocmswitch.store.unpack import Unpacking, merge_entries
from tests.support.archives import TarMember, deb, symlink
from tests.support.disk import HastyDisk, remove_folder
from tests.support.trees import NAME, tree_name, trees_in
from tests.support.unpacking import unpack

SHARED = (TarMember("share/license", b"MIT"), symlink("share/LICENSE", "license"))


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    remove_folder(tmp_path / "data")


def test_a_new_package_may_hold_what_a_package_that_was_taken_over_holds(tmp_path: Path, data: Path) -> None:
    trees, disk = trees_in(data), HastyDisk()
    old = trees.begin(tree_name("old"))
    entries = unpack(Unpacking("first", deb(tmp_path / "first.deb", *SHARED), old), disk)
    package = InstalledPackage("first", "1", "first.deb", 1, "a" * 64, "signed")
    receipt = Receipt("prefix", NAME, NAME, "1", old.name, "2026-01-02T03:04:05Z", packages=(package,))
    trees.publish(old.name, NAME, receipt, entries)
    new = trees.begin(tree_name("new"))

    kept = reuse(old, new, Wanted(frozenset({key(package)})), disk).whole
    added = unpack(Unpacking("second", deb(tmp_path / "second.deb", *SHARED), new), disk)

    merged = merge_entries([*kept.values(), added])
    assert [one.path for one in merged] == ["share", "share/LICENSE", "share/license"]
