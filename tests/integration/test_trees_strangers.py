"""What somebody else put beside our trees does not spoil the work on others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.disk import HastyDisk, remove_folder
from tests.support.trees import install, tree_name, trees_in


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    remove_folder(tmp_path / "data")


def test_a_folder_in_place_of_another_name_does_not_stop_a_sweep(data: Path) -> None:
    trees = trees_in(data)
    theirs = install(trees, HastyDisk(), "theirs", "rocm-5.2.3")
    (data / "prefixes/rocm-5.2.3").unlink()
    (data / "prefixes/rocm-5.2.3").mkdir()
    (data / "prefixes/.trees" / tree_name("unfinished", "rocm-7.0.0")).mkdir()

    with trees.locked("rocm-6.2.4", wait=0):
        swept = trees.sweep()

    assert swept == (tree_name("unfinished", "rocm-7.0.0"),)
    assert trees.is_whole(theirs)


def test_a_strange_name_among_the_trees_does_not_stop_a_sweep(data: Path) -> None:
    trees = trees_in(data)
    (data / "prefixes/.trees/.hidden-0123456789ab").mkdir(parents=True)
    (data / "prefixes/.trees" / tree_name("unfinished")).mkdir()

    assert trees.sweep() == (tree_name("unfinished"),)
