"""The folder of a tree that receipts lie in belongs to rocmswitch: no package may bring one."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.store.unpack import Unpacking
from rocmswitch.system.disk import Disk
from tests.support.archives import TarMember, deb, folder, symlink
from tests.support.unpacking import unpack


@pytest.mark.parametrize(
    "member",
    [TarMember("./.rocmswitch/receipt.json", b"{}"), folder(".rocmswitch"), symlink(".rocmswitch", "usr")],
    ids=["a receipt", "the folder", "a link in its place"],
)
def test_a_package_cannot_bring_a_receipt_of_its_own(tmp_path: Path, member: TarMember) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()

    with pytest.raises(VerificationFailed, match=r"`evil` has a member, `\.rocmswitch"):
        unpack(Unpacking("evil", deb(tmp_path / "evil.deb", member), tree), Disk())

    assert list(tree.iterdir()) == []


def test_below_the_base_folder_the_name_is_one_like_others(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    archive = deb(tmp_path / "odd.deb", TarMember("./.rocmswitch/note", b"x"))

    entries = unpack(Unpacking("odd", archive, tree, "base"), Disk())

    assert "base/.rocmswitch/note" in [one.path for one in entries]
