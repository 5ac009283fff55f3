"""Unpacking and relocating stop at once where the machine does, whichever change of the disk comes next."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.store.unpack import Unpacker, Unpacking, merge_entries
from rocmswitch.system.disk import Change, Disk
from tests.support.archives import TarMember, deb, folder, hard_link, symlink


class Cut(BaseException):
    """The power is gone."""


class CutDisk(Disk):
    """Makes *left* changes, then none ever again."""

    def __init__(self, left: int) -> None:
        self.left = left

    def about_to(self, change: Change) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cut(change.kind)


@pytest.mark.parametrize("jobs", [0, 2])
def test_a_cut_at_any_change_comes_out_of_the_unpacker(tmp_path: Path, jobs: int) -> None:
    members = (folder("lib"), TarMember("lib/a", b"a"), hard_link("lib/b", "lib/a"), symlink("lib/c", "a"))
    archive = deb(tmp_path / "a.deb", *members)
    whole = CutDisk(1000)
    changes = 1000 - _left_after(whole, archive, tmp_path / "whole", jobs)

    outcomes = []
    for number in range(changes):
        with pytest.raises(Cut):
            _left_after(CutDisk(number), archive, tmp_path / f"cut{number}", jobs)
        outcomes.append(len(list((tmp_path / f"cut{number}").rglob("*"))))

    assert outcomes == [0, 1, 2, 3]
    assert len(list((tmp_path / "whole").rglob("*"))) == 4


def _left_after(disk: CutDisk, archive: Path, tree: Path, jobs: int) -> int:
    tree.mkdir()
    with Unpacker(disk, jobs) as unpacker:
        unpacker.submit(Unpacking("a", archive, tree))
        merge_entries(one.entries for one in unpacker.done())
    return disk.left
