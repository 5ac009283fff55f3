"""Every file of a tree against its list."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.receipts import files_path, read_files
from rocmswitch.store.verify import Fault, hash_files, verify_entries, verify_tree
from tests.support.disk import HastyDisk, remove_folder
from tests.support.trees import NAME, install, take_inventory, trees_in

CONTENT = b"the library of one" * 9
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = hashlib.sha256(CONTENT.upper()).hexdigest()


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A published tree whose folders let a test change what lies in them."""
    trees = trees_in(tmp_path / "data")
    path = trees.path(install(trees, HastyDisk(), "one"))
    yield path
    remove_folder(tmp_path / "data")


def rewrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def retarget(path: Path) -> None:
    path.unlink()
    path.symlink_to("libx.so.2")


LIBRARY, LINK = "usr/lib/libx.so.1", "usr/lib/libx.so"
DAMAGES: tuple[tuple[str, Callable[[Path], object], Fault, bool], ...] = (
    (LIBRARY, lambda path: rewrite(path, CONTENT.upper()), Fault(LIBRARY, "content", SHA256, OTHER), False),
    (LIBRARY, lambda path: rewrite(path, b"short"), Fault(LIBRARY, "size", "162", "5"), True),
    (LIBRARY, lambda path: path.chmod(0o4755), Fault(LIBRARY, "mode", "0444", "4755"), True),
    (LIBRARY, lambda path: path.unlink(), Fault(LIBRARY, "missing"), True),
    (LIBRARY, replace_by_link, Fault(LIBRARY, "kind", "file", "link"), True),
    (LINK, retarget, Fault(LINK, "target", "libx.so.1", "libx.so.2"), True),
    ("usr/lib/evil.so", lambda path: path.write_bytes(b""), Fault("usr/lib/evil.so", "extra"), True),
    ("usr/lib/pipe", os.mkfifo, Fault("usr/lib/pipe", "extra"), True),
    (".rocmswitch/more", lambda path: path.write_bytes(b""), Fault(".rocmswitch/more", "extra"), True),
    ("usr/lib", lambda path: path.chmod(0o700), Fault("usr/lib", "mode", "0555", "0700"), True),
)


def test_an_untouched_tree_has_no_faults(tree: Path):
    assert verify_tree(tree) == verify_tree(tree, quick=True) == verify_tree(tree, jobs=1) == ()


@pytest.mark.parametrize(("path", "damage", "fault", "quick"), DAMAGES, ids=[f"{d[2].what}" for d in DAMAGES])
def test_each_damage_is_one_fault_and_a_quick_look_sees_all_but_content(
    tree: Path, path: str, damage: Callable[[Path], object], fault: Fault, quick: bool
):
    folder = (tree / path).parent
    folder.chmod(0o755)
    damage(tree / path)
    folder.chmod(0o555)

    assert verify_tree(tree) == (fault,)
    assert verify_tree(tree, quick=True) == ((fault,) if quick else ())


def test_a_fault_says_what_was_expected():
    assert str(Fault("usr/a", "mode", "0444", "4755")) == "`usr/a`: mode is 4755, not 0444"
    assert str(Fault("usr/a", "missing")) == "`usr/a`: missing"


def test_a_folder_that_is_gone_is_missing_with_all_that_was_in_it(tree: Path):
    (tree / "usr").chmod(0o755)
    remove_folder(tree / "usr/lib")
    (tree / "usr").chmod(0o555)

    assert [fault.path for fault in verify_tree(tree)] == ["usr/lib", LINK, LIBRARY]


def test_a_tree_is_verified_through_its_published_name(tree: Path):
    assert verify_tree(tree.parents[1] / NAME) == ()


@pytest.mark.parametrize("content", [None, b"", b"[]"])
def test_a_list_of_files_that_is_not_the_receipts_is_refused(tree: Path, content: bytes | None):
    files_path(tree).parent.chmod(0o755)
    files_path(tree).unlink()
    if content is not None:
        files_path(tree).write_bytes(content)

    with pytest.raises(VerificationFailed, match="the list of files of") as caught:
        verify_tree(tree)

    assert caught.value.hint == f"run `rocmswitch repair {NAME}`"


@pytest.mark.parametrize("size", [0, 1, 2**18 - 1, 2**18, 2**18 + 1, 2**20, 2**20 + 1, 5 * 2**20 + 7])
def test_files_of_any_size_have_the_hash_of_all_their_bytes(tmp_path: Path, size: int):
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    for number in range(3):
        (tmp_path / f"small-{number}").write_bytes(b"x" * number)

    hashes = dict(hash_files(tmp_path, take_inventory(tmp_path), jobs=2))

    assert hashes["file"] == hashlib.sha256(content).hexdigest()
    assert hashes["small-2"] == hashlib.sha256(b"xx").hexdigest()


def test_every_entry_of_a_published_tree_is_in_its_list(tree: Path):
    assert [one.path for one in read_files(tree)] == ["usr", "usr/lib", LINK, LIBRARY, "usr/tool"]


def test_a_link_is_compared_by_what_it_really_says(tmp_path: Path):
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "link").symlink_to("./target")

    assert verify_entries(folder, [FileEntry("link", "link", 0o777, target="./target")]) == ()
