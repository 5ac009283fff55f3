"""What trees take on the disk, as du(1) counts it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rocmswitch.system.usage import Usage, shares, usage


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """Two that share a file, one of which shares another with a cache."""
    first, second, cache = (tmp_path / name for name in ("first tree", "second", "cache"))
    for folder in (first / "lib/below", second / "lib", cache):
        folder.mkdir(parents=True)
    (first / "lib/own").write_bytes(os.urandom(50_000))
    (first / "lib/below/both").write_bytes(os.urandom(90_000))
    (first / "lib/twice").hardlink_to(first / "lib/own")
    (first / "lib/link").symlink_to("/etc")
    (second / "lib/both").hardlink_to(first / "lib/below/both")
    (cache / "wheel").write_bytes(os.urandom(30_000))
    (second / "lib/wheel").hardlink_to(cache / "wheel")
    return first, second


def du(*folders: Path) -> int:
    """Bytes, each file once."""
    done = subprocess.run(["du", "-c", "-s", "-B1", *folders], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1].split()[0])


def blocks(path: Path) -> int:
    return path.lstat().st_blocks * 512


def test_what_all_trees_take_is_what_du_says(trees: tuple[Path, Path]):
    taken = shares(trees)

    assert taken.total == du(*trees)
    assert [one.freed + one.shared for one in taken.each] == [du(one) for one in trees]


def test_a_file_with_a_name_elsewhere_is_shared_and_one_with_two_names_inside_is_not(trees: tuple[Path, Path]):
    first, second = trees

    taken = shares(trees)

    both, wheel = blocks(first / "lib/below/both"), blocks(second / "lib/wheel")
    assert [one.shared for one in taken.each] == [both, both + wheel]


def test_what_removing_both_gives_back_leaves_out_what_the_cache_keeps(trees: tuple[Path, Path]):
    first, second = trees

    found = usage(trees)

    own = sum(map(blocks, (first / "lib/own", first / "lib/below/both", first / "lib/link")))
    assert found == Usage(own, blocks(second / "lib/wheel"))


def test_what_is_not_there_takes_nothing(tmp_path: Path):
    assert shares([tmp_path / "gone"]).each == (Usage(),)
    assert shares([]).total == 0
