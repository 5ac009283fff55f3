"""Files that lld has linked, which have no filling between segments: what they need goes behind their end."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.store.elfgrow import appended_edits
from rocmswitch.store.elfpatch import copy_edited, interpreter_edits, search_path_edits
from tests.integration.test_relocate import HIP, HSA, ROOT, Tree, facts, run

LOADER = Path("/lib64/ld-linux-x86-64.so.2")
LLD = ("-fuse-ld=lld", "-Wl,--build-id", "-Wl,-z,noseparate-code")

pytestmark = [
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc"),
    pytest.mark.skipif(shutil.which("ld.lld") is None, reason="needs lld"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="needs an x86-64 machine"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A library that needs another, and a program that needs it: all as lld lays them out."""
    tree = Tree(tmp_path / "made")
    tree.library(f"{ROOT}/lib/{HSA}", value=3, options=LLD)
    tree.library(f"{ROOT}/lib/{HIP}", f"{ROOT}/lib/{HSA}", value=5, options=LLD)
    tree.program(f"{ROOT}/bin/hipinfo", f"{ROOT}/lib/{HIP}", options=LLD)
    return tree


def grown(path: Path, rpath: str | None, interpreter: str | None = None) -> Path:
    """A copy of *path* with what was asked for behind its end."""
    target = path.with_name(f"{path.name}.grown")
    with path.open("rb") as source, target.open("wb") as copy:
        edits = appended_edits(source, rpath, interpreter)
        assert edits is not None
        copy_edited(source, copy, edits)
    target.chmod(0o755)
    return target


def test_lld_leaves_no_room_between_segments(tree: Tree) -> None:
    with (tree.path / ROOT / "lib" / HIP).open("rb") as file:
        assert search_path_edits(file, "$ORIGIN/a/rather/long/way/to/another/folder") is None


def test_a_tree_of_such_files_finds_its_own_wherever_it_lies(tree: Tree, tmp_path: Path) -> None:
    relocated = tree.relocate()
    moved = tmp_path / "moved"
    tree.path.rename(moved)

    answer, mapped = run(moved / ROOT / "bin/hipinfo")

    assert answer == "15"
    assert {str(moved / ROOT / "lib" / name) for name in (HSA, HIP)} <= mapped
    sizes = {one.path: one.size for one in relocated.entries if one.kind == "file"}
    assert sizes == {path: (moved / path).stat().st_size for path in sizes}


def test_a_program_starts_by_the_loader_that_was_named(tree: Tree, tmp_path: Path) -> None:
    loader = tmp_path / "a folder with a rather long name" / "ld.so"
    loader.parent.mkdir()
    loader.symlink_to(LOADER)
    program = grown(tree.path / ROOT / "bin/hipinfo", "$ORIGIN/../lib", str(loader))
    grown(tree.path / ROOT / "lib" / HIP, "$ORIGIN").rename(tree.path / ROOT / "lib" / HIP)

    answer, _ = run(program)

    assert (answer, facts(program).interpreter, facts(program).rpath) == ("15", str(loader), "$ORIGIN/../lib")


def test_names_and_versions_are_what_they_were(tree: Tree) -> None:
    path = tree.path / ROOT / "lib" / HIP
    before = facts(path)

    after = facts(grown(path, "$ORIGIN"))

    assert (after.soname, after.needed, after.needed_versions) == (
        before.soname,
        before.needed,
        before.needed_versions,
    )
    assert (after.rpath, after.runpath) == ("$ORIGIN", "")


def test_gnu_ld_links_with_such_a_library(tree: Tree, tmp_path: Path) -> None:
    library = grown(tree.path / ROOT / "lib" / HSA, "$ORIGIN")
    source = "int libhsa(void); int main(void) { return libhsa() != 3; }".replace("libhsa", "libhsa_runtime64")
    program = tmp_path / "linked"

    command = ["gcc", "-x", "c", "-", "-x", "none", str(library), "-o", str(program)]
    linked = subprocess.run(command, input=source.encode(), capture_output=True, check=False)

    assert (linked.returncode, linked.stderr) == (0, b"")


def test_what_was_grown_once_takes_another_path_in_place(tree: Tree) -> None:
    """A tree that shares the file with the one before has another name, and so another loader."""
    program = grown(tree.path / ROOT / "bin/hipinfo", "$ORIGIN/../lib", "/trees/stack-0123456789ab/ld.so")

    with program.open("rb") as file:
        again = search_path_edits(file, "$ORIGIN/../lib")
        started = interpreter_edits(file, "/trees/stack-ba9876543210/ld.so")

    assert again is not None
    assert started is not None


def test_a_file_without_a_note_is_left_to_patchelf(tree: Tree) -> None:
    path = grown(tree.path / ROOT / "lib" / HIP, "$ORIGIN")
    with path.open("rb") as file:
        assert appended_edits(file, "$ORIGIN/elsewhere", None) is None
