"""A ROCm that something else installed, adopted by `link`: used, never changed, let go again."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.debs import Library, make_library
from tests.support.furnished import environment, prefix

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc to make libraries")
REAL_NAMES = {
    "libamdhip64.so.6": "libamdhip64.so.6.2.60204",
    "librocblas.so.4": "librocblas.so.4.2.60204",
    "libMIOpen.so.1": "libMIOpen.so.1.0.60204",
}


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small libraries with the real sonames and file names of ROCm 6.2.4."""
    folder = tmp_path_factory.mktemp("libraries")
    for soname, name in REAL_NAMES.items():
        make_library(Library(soname), folder / name)
    return folder


def install_by_hand(folder: Path, libraries: Path, *, version: str = "6.2.4-139\n") -> Path:
    """What AMD's packages leave in /opt, in small."""
    for below in ("bin", "lib", "llvm/bin", ".info"):
        (folder / below).mkdir(parents=True)
    for soname, name in REAL_NAMES.items():
        shutil.copy(libraries / name, folder / "lib" / name)
        (folder / "lib" / soname).symlink_to(name)
        (folder / "lib" / soname.rpartition(".")[0]).symlink_to(soname)
    if version:
        (folder / ".info/version").write_text(version)
    for tool in ("hipcc", "rocminfo"):
        path = folder / "bin" / tool
        path.write_text(f"#!/bin/sh\necho {tool} of $ROCM_PATH\n")
        path.chmod(0o755)
    return folder


@pytest.fixture
def rocm(tmp_path: Path, libraries: Path) -> Path:
    return install_by_hand(tmp_path / "opt/rocm-6.2.4", libraries)


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path)
    line.home.mkdir(exist_ok=True)
    return line


def snapshot(folder: Path) -> dict[str, tuple[int, int, float, str]]:
    """Everything that a write could change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        target = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""  # noqa: PTH115
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime, target)
    return found


def test_a_tree_is_linked_used_and_let_go_and_none_of_its_files_changes(line: CommandLine, rocm: Path):
    before = snapshot(rocm)

    linked = line.run("link", str(rocm), "--yes")
    listed = line.succeed("list")
    ran = line.succeed("run", "linked-6.2.4", "--", "hipcc")
    tool = line.succeed("which", "rocminfo", "linked-6.2.4")
    removed = line.run("remove", "linked-6.2.4", "--yes")

    link = line.layout.prefixes / "linked-6.2.4"
    assert linked.code == 0, linked
    assert linked.err.splitlines() == [
        f"linked-6.2.4: ROCm 6.2.4 in {rocm} (libamdhip64.so.6, librocblas.so.4, libMIOpen.so.1)",
        f"linked linked-6.2.4: {link}",
        "next: `rocmswitch use linked-6.2.4`",
    ]
    assert listed == f"linked-6.2.4  ROCm 6.2.4 · linked to {rocm}\n"
    assert ran == f"hipcc of {link}/root\n"
    assert tool == f"{link / 'root'}/bin/rocminfo\n"
    assert removed.err.splitlines() == [
        f"removes the link {link}; {rocm} stays as it is",
        "`rocmswitch undo` brings it back",
        "removed linked-6.2.4, recorded as generation 1",
        "back: `rocmswitch undo 1`",
    ]
    assert not link.is_symlink() and snapshot(rocm) == before


def test_what_a_linked_stack_sets_is_that_of_a_prefix(line: CommandLine, rocm: Path):
    line.succeed("link", str(rocm), "--yes")

    shown = line.succeed("run", "linked-6.2.4", "--", "env", LD_LIBRARY_PATH="/opt/rocm/lib", HIP_PATH="/old")

    root = line.layout.prefixes / "linked-6.2.4/root"
    found = dict(entry.split("=", 1) for entry in shown.splitlines() if not entry.startswith("_"))
    assert found["PATH"].split(":")[0] == f"{root}/bin"
    assert "llvm" not in found["PATH"] and "LD_LIBRARY_PATH" not in found
    assert (found["ROCM_PATH"], found["HIP_PATH"]) == (str(root), str(root))
    assert (found["HIP_CLANG_PATH"], found["HIP_PLATFORM"]) == (f"{root}/llvm/bin", "amd")
    assert (found["LIBRARY_PATH"], found["ROCMSWITCH_ACTIVE"]) == (f"{root}/lib", "linked-6.2.4")


def test_cmake_is_told_of_the_linked_stack_as_of_a_prefix(line: CommandLine, rocm: Path):
    for one in ("llvm/bin/clang++", "lib/cmake/hip/hip-config.cmake"):
        (rocm / one).parent.mkdir(parents=True, exist_ok=True)
        (rocm / one).write_text("")

    line.succeed("link", str(rocm), "--yes")

    root = line.layout.prefixes / "linked-6.2.4/root"
    shown = line.succeed("run", "linked-6.2.4", "--", "env")
    found = dict(entry.split("=", 1) for entry in shown.splitlines() if not entry.startswith("_"))
    assert (found["HIPCXX"], found["ROCM_HOME"]) == (f"{root}/llvm/bin/clang++", str(root))
    assert found["CMAKE_PREFIX_PATH"] == str(root)
    assert found["CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES_EXCLUDE"] == f"{root}/lib"


def test_it_asks_first_and_a_dry_run_changes_nothing(line: CommandLine, rocm: Path):
    refused = line.run("link", str(rocm))
    dry = line.run("link", str(rocm), "--dry-run", "--json")

    assert (refused.code, dry.code) == (5, 0)
    assert not line.layout.prefixes.exists()
    assert json.loads(dry.out) == {
        "name": "linked-6.2.4",
        "folder": str(rocm),
        "version": "6.2.4",
        "libraries": ["libamdhip64.so.6", "librocblas.so.4", "libMIOpen.so.1"],
        "notes": [],
    }


def test_a_version_names_amd_s_release_and_no_link(line: CommandLine, rocm: Path):
    refused = line.run("link", str(rocm), "6.2", "--yes")

    assert (refused.code, refused.err.splitlines()) == (
        2,
        [
            "error: `6.2` means a release of ROCm wherever a name is given, so a link needs another one",
            f"hint: run `rocmswitch link {rocm} NAME`",
        ],
    )


def test_linking_again_is_nothing_and_an_update_in_place_is_taken_over(line: CommandLine, rocm: Path):
    line.succeed("link", str(rocm), "--yes")
    again = line.run("link", str(rocm))
    (rocm / ".info/version").write_text("6.2.5-1\n")
    renamed = line.run("link", str(rocm), "linked-6.2.4", "--yes")

    assert (again.code, again.err.splitlines()[-1]) == (0, f"linked-6.2.4 is linked to {rocm} already")
    assert renamed.code == 0
    assert "ROCm 6.2.5" in line.succeed("list")


def test_a_symlink_like_opt_rocm_is_followed_now_and_for_good(line: CommandLine, rocm: Path):
    (rocm.parent / "rocm").symlink_to(rocm.name)

    outcome = line.run("link", str(rocm.parent / "rocm"), "--yes")

    assert f"{rocm.parent}/rocm is {rocm} now" in outcome.err
    assert f"linked to {rocm}" in line.succeed("list")


def test_the_folder_s_own_name_serves_where_another_has_the_usual_one(
    line: CommandLine, rocm: Path, tmp_path: Path, libraries: Path
):
    line.succeed("link", str(rocm), "--yes")
    second = install_by_hand(tmp_path / "opt/rocm-patched", libraries)

    outcome = line.run("link", str(second), "--yes")

    assert "linked rocm-patched" in outcome.err


@pytest.mark.parametrize(
    ("version", "told"),
    [("", "6.2.4"), ("6.2.4\n", "6.2.4"), ("6.2\n", "6.2"), ("rubbish", "6.2.4"), ("\x1b[2J6.2.4", "6.2.4")],
)
def test_the_version_is_read_or_told_by_hip_s_file(
    line: CommandLine, tmp_path: Path, libraries: Path, version: str, told: str
):
    rocm = install_by_hand(tmp_path / "somewhere else", libraries, version=version)

    plan = json.loads(line.run("link", str(rocm), "--dry-run", "--json").out)

    assert plan["version"] == told


def test_files_that_disagree_are_pointed_out(line: CommandLine, rocm: Path):
    (rocm / ".info/version").write_text("5.7.1-98\n")
    (rocm / ".info/version-utils").write_text("6.2.4-139\n")
    (rocm / "bin").chmod(0o777)

    plan = json.loads(line.run("link", str(rocm), "--dry-run", "--json").out)

    assert plan["notes"] == [
        "the files in .info disagree: 5.7.1, 6.2.4",
        "it says that it is 5.7.1, but holds libamdhip64.so.6",
        f"other users can change `{rocm}/bin`, whose programs will be on your PATH",
    ]


def test_what_is_no_rocm_is_refused(line: CommandLine, tmp_path: Path, rocm: Path):
    prefix(line.layout, "rocm-5.2.0")
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "fifo/lib").mkdir(parents=True)
    os.mkfifo(tmp_path / "fifo/lib/libamdhip64.so")
    ours = line.layout.prefixes / "rocm-5.2.0/opt/rocm"

    refused = {
        str(empty): 3,
        str(tmp_path / "nothing"): 3,
        str(tmp_path / "loop"): 3,
        str(tmp_path / "fifo"): 3,
        str(ours): 5,
        "rocm-6.2.4": 2,
        "../rocm-6.2.4": 2,
        f"{rocm}:/other": 2,
        f"{rocm}\nx": 2,
        str(rocm / "bin/hipcc"): 3,
    }
    assert {folder: line.run("link", folder, "--yes").code for folder in refused} == refused


@pytest.mark.parametrize("name", ["system", "../x", "Big", "rocm-6.2.4", "proj", "x"])
def test_a_name_that_something_else_has_or_nothing_may_have_is_refused(line: CommandLine, rocm: Path, name: str):
    prefix(line.layout, "rocm-5.2.0")
    environment(line.layout, "proj", "rocm-5.2.0")

    outcome = line.run("link", str(rocm), name, "--yes")

    assert outcome.code in (2, 5), outcome
    assert not (line.layout.prefixes / "linked-6.2.4").exists()


def test_a_linked_folder_that_is_gone_is_told_and_can_be_let_go(line: CommandLine, rocm: Path):
    line.succeed("link", str(rocm), "--yes")
    shutil.rmtree(rocm)

    ran = line.run("run", "linked-6.2.4", "--", "hipcc")
    listed = line.succeed("list")
    shown = line.succeed("show", "linked-6.2.4")
    verified = line.run("verify")
    found = json.loads(line.run("doctor", "--json").out)
    removed = line.run("remove", "linked-6.2.4", "--yes")

    assert (ran.code, ran.error) == (3, f"`linked-6.2.4` is linked to `{rocm}`, which is gone")
    assert ran.hint == "run `rocmswitch remove linked-6.2.4`"
    assert "cannot be entered" in listed and f"`{rocm}`, which is gone" in shown
    assert (verified.code, verified.out) == (4, f"linked-6.2.4: `{rocm}`: missing\n")
    assert "link-gone:linked-6.2.4" in [one["id"] for one in found]
    assert removed.code == 0 and line.run("list").out == ""


def test_verify_and_repair_leave_it_to_its_owner(line: CommandLine, rocm: Path):
    line.succeed("link", str(rocm), "--yes")
    (rocm / "bin/hipcc").write_text("changed")

    verified = line.run("verify", "linked-6.2.4")
    repaired = line.run("repair", "linked-6.2.4", "--yes")

    assert (verified.code, verified.out) == (
        0,
        f"linked-6.2.4: the link is as it was made; {rocm} is not ours to check\n",
    )
    assert (repaired.code, repaired.error) == (
        5,
        f"`linked-6.2.4` is linked to `{rocm}`, which is not ours to repair",
    )


def test_a_linked_stack_shows_where_it_lies(line: CommandLine, rocm: Path):
    line.succeed("link", str(rocm), "--yes")

    shown = line.succeed("show", "linked-6.2.4")

    assert shown.startswith("linked-6.2.4  ROCm 6.2.4\n")
    assert f"linked to  {rocm}\n" in shown and "size" not in shown


def test_the_card_s_variables_are_those_of_the_release(line: CommandLine, rocm: Path):
    line.succeed("link", str(rocm), "--yes")

    shown = line.succeed("run", "linked-6.2.4", "--", "env", ROCMSWITCH_GPU="gfx1031")

    assert "HSA_OVERRIDE_GFX_VERSION=10.3.0\n" in shown
