"""CMake's packages in a tree, and what its compilers are told: written, listed, and taken back by nobody."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.planning.activation import CarriedLoader
from rocmswitch.store.cmakefiles import PLACE_REASON, place_packages
from rocmswitch.store.compilers import Prefix, tell_compilers
from rocmswitch.store.relocate import Relocated
from rocmswitch.store.verify import verify_entries
from rocmswitch.system.disk import Disk

CMAKE = "usr/lib/x86_64-linux-gnu/cmake"
HIP = """\
cmake_minimum_required(VERSION 3.3)
get_filename_component(PACKAGE_PREFIX_DIR "${CMAKE_CURRENT_LIST_DIR}/../../../../" ABSOLUTE)
if(_realCurr STREQUAL _realOrig)
  set(PACKAGE_PREFIX_DIR "/usr")
endif()
set(HIP_CLANG_ROOT /usr)
"""
PLACED = HIP.replace("VERSION 3.3", "VERSION 3.3...3.10").replace(
    "set(HIP_CLANG_ROOT /usr)",
    'get_filename_component(HIP_CLANG_ROOT "${CMAKE_CURRENT_LIST_DIR}/../../../.." ABSOLUTE)',
)
ECHO = '#!/bin/sh\nfor one; do echo "$one"; done\n'


@dataclass
class Tree:
    path: Path
    entries: dict[str, FileEntry] = field(default_factory=dict)

    def file(self, path: str, content: str = "", mode: int = 0o644) -> None:
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        target.chmod(mode)
        digest = hashlib.sha256(content.encode()).hexdigest()
        self.entries[path] = FileEntry(path, "file", mode, len(content.encode()), digest, package="hip")

    def place(self, root: str = "usr") -> dict[str, FileEntry]:
        """What becomes of CMake's packages; all of the list is as on the disk."""
        found = place_packages(self.path, Relocated(tuple(self.entries.values()), ()), root, Disk()).entries
        return self._checked(found)

    def tell(self, prefix: Prefix) -> dict[str, FileEntry]:
        return self._checked(tell_compilers(self.path, self.entries.values(), prefix, Disk()))

    def _checked(self, entries: tuple[FileEntry, ...]) -> dict[str, FileEntry]:
        listed = {one.path: one for one in entries}
        folders = [str(one.relative_to(self.path)) for one in self.path.rglob("*") if one.is_dir()]
        given = [FileEntry(one, "directory", 0o755) for one in folders if one not in listed]
        assert verify_entries(self.path, (*given, *entries)) == ()
        self.entries = listed
        return listed

    def read(self, path: str) -> str:
        return (self.path / path).read_text()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "tree").mkdir()
    return Tree(tmp_path / "tree")


def test_a_package_finds_itself_where_the_tree_lies_and_is_read_by_cmake_4(tree: Tree) -> None:
    tree.file(f"{CMAKE}/hip/hip-config.cmake", HIP)
    original = tree.entries[f"{CMAKE}/hip/hip-config.cmake"].sha256

    entry = tree.place()[f"{CMAKE}/hip/hip-config.cmake"]

    assert tree.read(entry.path) == PLACED
    assert (entry.original_sha256, entry.reason) == (original, PLACE_REASON)


@pytest.mark.parametrize("said", ['set(_IMPORT_PREFIX "/usr")', "set(_IMPORT_PREFIX /usr)"])
def test_targets_that_name_the_machine_s_folder_are_found_beside_their_file(tree: Tree, said: str) -> None:
    tree.file("usr/lib/cmake/x-targets.cmake", f"{said}\n")
    tree.file("usr/lib/cmake/y-targets.cmake", 'set(A "/usr/bin")\nset(B "/usr)\nset(/usr)\n')

    entries = tree.place()

    assert tree.read("usr/lib/cmake/x-targets.cmake") == (
        'get_filename_component(_IMPORT_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)\n'
    )
    assert entries["usr/lib/cmake/y-targets.cmake"].reason == ""


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ("cmake_minimum_required (VERSION 3.0)", "cmake_minimum_required (VERSION 3.0...3.10)"),
        ("cmake_policy(VERSION 2.6)", "cmake_policy(VERSION 2.6...3.10)"),
        ("CMAKE_MINIMUM_REQUIRED(\n  VERSION 2.8.12\n)", "CMAKE_MINIMUM_REQUIRED(\n  VERSION 2.8.12...3.10\n)"),
        ("cmake_minimum_required(VERSION 2.8.12...3.4)", "cmake_minimum_required(VERSION 2.8.12...3.10)"),
        ("cmake_policy(VERSION 2.8...3.4.1 FATAL_ERROR)", "cmake_policy(VERSION 2.8...3.10 FATAL_ERROR)"),
    ],
)
def test_whatever_cmake_4_refuses_for_its_age_is_mended_however_it_is_written(
    tree: Tree, said: str, then: str
) -> None:
    tree.file(f"{CMAKE}/hip/hip-targets.cmake", f"{said}\n")

    tree.place()

    assert tree.read(f"{CMAKE}/hip/hip-targets.cmake") == f"{then}\n"


@pytest.mark.parametrize("asked", ["3.3...3.31", "2.8.12...3.5", "3.5", "3.16", "3.10...4.0"])
def test_what_cmake_4_reads_already_stays_as_it_was_packaged(tree: Tree, asked: str) -> None:
    tree.file(f"{CMAKE}/hip/hip-config.cmake", f"cmake_minimum_required(VERSION {asked})\n")

    assert tree.place()[f"{CMAKE}/hip/hip-config.cmake"].reason == ""


def test_a_second_time_changes_nothing(tree: Tree) -> None:
    tree.file(f"{CMAKE}/hip/hip-config.cmake", HIP)
    tree.file(f"{CMAKE}/hip-lang/hip-lang-config.cmake")
    first = tree.place()

    assert tree.place() == first


def test_files_that_are_no_packages_of_the_rocm_tree_are_left_alone(tree: Tree) -> None:
    tree.file("base/usr/lib/cmake/x/x-config.cmake", HIP)
    tree.file("usr/share/doc/example.cmake", HIP)

    assert {one.reason for one in tree.place().values()} == {""}


def test_an_older_cmake_finds_the_language_in_the_folder_that_it_knows(tree: Tree) -> None:
    tree.file(f"{CMAKE}/hip-lang/hip-lang-config.cmake")

    entries = tree.place()

    forward = "usr/lib/cmake/hip-lang/hip-lang-config.cmake"
    assert 'include("${CMAKE_CURRENT_LIST_DIR}/../../x86_64-linux-gnu/cmake/hip-lang/' in tree.read(forward)
    assert {"usr/lib/cmake", "usr/lib/cmake/hip-lang", forward} <= entries.keys()


def test_nothing_is_forwarded_where_the_package_lies_there(tree: Tree) -> None:
    tree.file("opt/rocm-6.2.4/lib/cmake/hip-lang/hip-lang-config.cmake", "own")

    assert list(tree.place("opt/rocm-6.2.4")) == ["opt/rocm-6.2.4/lib/cmake/hip-lang/hip-lang-config.cmake"]


def with_clang(tree: Tree, folder: str, version: int, library: str) -> None:
    tree.file(f"{folder}/clang++", ECHO, 0o755)
    tree.file(f"{folder}/clang-{version}", ECHO, 0o755)
    tree.file(f"{library}/libamdhip64.so")


def test_an_older_clang_is_run_by_a_script_that_tells_it_where_programs_find_hip(tree: Tree) -> None:
    with_clang(tree, "usr/lib/llvm-15/bin", 15, "usr/lib/x86_64-linux-gnu")
    tree.file("usr/bin/clang-15", ECHO, 0o755)

    tree.tell(Prefix(tree.path, "usr"))

    script = tree.path / "usr/lib/llvm-15/rocmswitch/clang++"
    assert subprocess.check_output([script, "-c", "two words"], text=True).splitlines() == [
        "--start-no-unused-arguments",
        f"-Wl,-rpath,{tree.path}/usr/lib/x86_64-linux-gnu",
        "--end-no-unused-arguments",
        "-c",
        "two words",
    ]
    assert [one for one in tree.entries if one.startswith("usr/bin/")] == ["usr/bin/clang-15"]


def test_a_newer_clang_reads_settings_for_this_machine_alone(tree: Tree) -> None:
    with_clang(tree, "usr/lib/llvm-21/bin", 21, "usr/lib/x86_64-linux-gnu")
    carried = CarriedLoader("base/usr/lib/ld.so", ("base/usr/lib",))

    tree.tell(Prefix(Path("/a place/prefixes/debian-6.4.3"), "usr", carried))

    settings = tree.read("usr/lib/llvm-21/bin/x86_64-pc-linux-gnu.cfg")
    told = shlex.split(settings)
    assert told[0] == "--sysroot=/a place/prefixes/debian-6.4.3/base"
    assert "-Wl,--dynamic-linker=/a place/prefixes/debian-6.4.3/base/usr/lib/ld.so" in told
    assert tree.read("usr/lib/llvm-21/bin/x86_64-unknown-linux-gnu.cfg") == settings


def test_a_comma_in_the_prefix_s_place_parts_nothing_that_the_linker_is_told(tree: Tree) -> None:
    with_clang(tree, "usr/lib/llvm-21/bin", 21, "usr/lib/x86_64-linux-gnu")

    tree.tell(Prefix(Path("/a,b/prefixes/debian-6.4.3"), "usr"))

    assert tree.read("usr/lib/llvm-21/bin/x86_64-pc-linux-gnu.cfg").splitlines() == [
        *("-Xlinker", "-rpath"),
        *("-Xlinker", "/a,b/prefixes/debian-6.4.3/usr/lib/x86_64-linux-gnu"),
    ]


def test_a_variant_s_compilers_make_programs_for_the_variant(tree: Tree) -> None:
    with_clang(tree, "usr/lib/llvm-21/bin", 21, "usr/lib/x86_64-linux-gnu")
    tree.tell(Prefix(Path("/p/debian-6.4.3"), "usr"))
    settings = "usr/lib/llvm-21/bin/x86_64-pc-linux-gnu.cfg"
    (tree.path.parent / "other tree's").hardlink_to(tree.path / settings)

    tree.tell(Prefix(Path("/p/debian-6.4.3+own"), "usr"))

    assert tree.read(settings) == "-Wl,-rpath,/p/debian-6.4.3+own/usr/lib/x86_64-linux-gnu\n"
    assert "/p/debian-6.4.3/" in (tree.path.parent / "other tree's").read_text()


def test_settings_that_a_package_brought_stay(tree: Tree) -> None:
    with_clang(tree, "usr/lib/llvm-21/bin", 21, "usr/lib/x86_64-linux-gnu")
    tree.file("usr/lib/llvm-21/bin/x86_64-pc-linux-gnu.cfg", "own\n")

    tree.tell(Prefix(tree.path, "usr"))

    assert tree.read("usr/lib/llvm-21/bin/x86_64-pc-linux-gnu.cfg") == "own\n"


def test_a_clang_that_finds_all_by_itself_is_told_nothing(tree: Tree) -> None:
    with_clang(tree, "opt/rocm-6.2.4/llvm/bin", 18, "opt/rocm-6.2.4/lib")
    before = dict(tree.entries)

    assert tree.tell(Prefix(tree.path, "opt/rocm-6.2.4")) == before
