"""Linker scripts, linker names and tools that were carried, completed with what this machine has."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rocmswitch.host.libraries import HostLibraries
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.store.relocate import Relocated, leads_nowhere
from rocmswitch.store.reuse import Wanted, key, reusable
from rocmswitch.store.toolchain import LINK_REASON, SCRIPT_REASON, complete_toolchain
from rocmswitch.store.verify import verify_entries
from rocmswitch.system.disk import Disk

HOST = HostLibraries()
LIBC = HOST.find("libc.so.6")
pytestmark = pytest.mark.skipif(LIBC is None, reason="needs a machine whose C library is glibc")

LIB = "base/usr/lib/x86_64-linux-gnu"
GCC = "base/usr/lib/gcc/x86_64-linux-gnu/12"
LIBC_SCRIPT = """/* GNU ld script
   Use the shared library, but some functions are only in
   the static library, so try that secondarily.  */
OUTPUT_FORMAT(elf64-x86-64)
GROUP ( /nowhere/libc.so.6 /usr/lib/x86_64-linux-gnu/libc_nonshared.a  AS_NEEDED ( /lib64/ld-none.so.9 ) )
"""


@dataclass
class Tree:
    """A tree below *path*, with the entries that it has when it comes out of relocation."""

    path: Path
    entries: dict[str, FileEntry] = field(default_factory=dict)

    def file(self, path: str, content: str = "content\n", package: str = "libc6-dev") -> None:
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        target.chmod(0o644)
        self.entries[path] = FileEntry(path, "file", 0o644, len(content), sha256_of(content), package=package)

    def link(self, path: str, target: str, package: str = "libc6-dev") -> None:
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).symlink_to(target)
        self.entries[path] = FileEntry(path, "link", 0o777, target=target, package=package)

    def complete(self, *notes: str) -> Relocated:
        """What becomes of it; all of the list is as on the disk."""
        before = tuple(sorted(self.entries.values(), key=lambda one: one.path))
        after = complete_toolchain(self.path, Relocated(before, notes), HOST, Disk())
        folders = [
            FileEntry(str(one.relative_to(self.path)), "directory", one.stat().st_mode & 0o7777)
            for one in self.path.rglob("*")
            if one.is_dir() and not one.is_symlink()
        ]
        listed = {one.path: one for one in (*folders, *after.entries)}
        assert verify_entries(self.path, tuple(listed.values())) == ()
        return after


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def changed(entries: Iterable[FileEntry]) -> list[FileEntry]:
    return [one for one in entries if one.reason]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "tree").mkdir()
    return Tree(tmp_path / "tree")


def host(soname: str) -> str:
    """The host's library by the name that the loader knows it by."""
    found = HOST.find(soname)
    assert found is not None
    return str(found.with_name(soname))


def test_a_linker_script_names_the_machine_s_library_and_its_own_parts_by_their_bare_names(tree: Tree) -> None:
    tree.file(f"{LIB}/libc.so", LIBC_SCRIPT)
    tree.file(f"{LIB}/libc_nonshared.a")

    tree.complete()

    assert (tree.path / LIB / "libc.so").read_text() == LIBC_SCRIPT.replace(
        "/nowhere/libc.so.6", host("libc.so.6")
    ).replace("/usr/lib/x86_64-linux-gnu/libc_nonshared.a", "libc_nonshared.a")


def test_a_changed_script_is_listed_with_its_hash_before_and_after_and_the_reason(tree: Tree) -> None:
    tree.file(f"{LIB}/libc.so", LIBC_SCRIPT)

    (entry,) = changed(tree.complete().entries)

    after = (tree.path / LIB / "libc.so").read_text()
    assert (entry.path, entry.reason) == (f"{LIB}/libc.so", SCRIPT_REASON)
    assert (entry.original_sha256, entry.sha256) == (sha256_of(LIBC_SCRIPT), sha256_of(after))


def test_a_changed_script_leaves_files_alone_that_share_its_content(tree: Tree, tmp_path: Path) -> None:
    tree.file(f"{LIB}/libc.so", LIBC_SCRIPT)
    (tmp_path / "other").hardlink_to(tree.path / LIB / "libc.so")

    tree.complete()

    assert (tmp_path / "other").read_text() == LIBC_SCRIPT


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (f"{LIB}/libc.so", "a text that names /lib/x86_64-linux-gnu/libc.so.6 and commands nothing\n"),
        (f"{LIB}/libc.so", LIBC_SCRIPT + "x" * 4096),
        ("usr/share/doc/libc.so", LIBC_SCRIPT),
        (f"{GCC}/libgcc_s.so", "GROUP ( libgcc_s.so.1 -lgcc )\n"),
    ],
    ids=["no script", "too large for one", "elsewhere", "without absolute names"],
)
def test_other_files_stay_as_they_are(tree: Tree, path: str, content: str) -> None:
    tree.file(path, content)

    assert changed(tree.complete().entries) == []
    assert (tree.path / path).read_text() == content


def test_a_linker_name_leads_to_the_machine_s_library_where_the_tree_has_none(tree: Tree) -> None:
    tree.link(f"{GCC}/libc.so", "../../../x86_64-linux-gnu/libc.so.6")

    (entry,) = changed(tree.complete().entries)

    assert (entry.target, entry.original_target, entry.reason) == (
        host("libc.so.6"),
        "../../../x86_64-linux-gnu/libc.so.6",
        LINK_REASON,
    )


def test_a_linker_name_whose_library_is_carried_keeps_to_the_tree(tree: Tree) -> None:
    tree.file("base/lib/x86_64-linux-gnu/libc.so.6")
    tree.link(f"{LIB}/libc.so", "../../../lib/x86_64-linux-gnu/libc.so.6")

    assert changed(tree.complete().entries) == []


def test_a_link_to_what_neither_has_stays_and_so_does_the_note_on_it(tree: Tree) -> None:
    tree.link(f"{LIB}/libasan.so", "libasan-of-nobody.so.8")
    tree.link(f"{LIB}/libc.so", "libc.so.6")
    nobody, ours = leads_nowhere(f"{LIB}/libasan.so"), leads_nowhere(f"{LIB}/libc.so")

    after = tree.complete(nobody, ours, "something else")

    assert after.notes == (nobody, "something else")


def test_a_package_with_a_link_to_the_machine_s_library_is_not_taken_over_by_another_tree(tree: Tree) -> None:
    tree.link(f"{LIB}/libc.so", "libc.so.6")
    tree.file(f"{LIB}/libz.a", package="zlib1g-dev")
    packages = tuple(InstalledPackage(name, "1", "", 1, "0", "signed") for name in ("libc6-dev", "zlib1g-dev"))
    receipt = Receipt("prefix", "n", "n", "1", "n-0", "2026-01-02T03:04:05Z", packages=packages)

    more = Wanted(frozenset({*map(key, packages), ("added", "1", "rocm")}))

    found = reusable(receipt, tree.complete().entries, more)

    assert [name for name, _, _ in found] == ["zlib1g-dev"]


DEVELOPMENT = Path("/usr/lib/x86_64-linux-gnu")
CARRIED = ("libc.so", "libm.so", "libc_nonshared.a", "Scrt1.o", "crt1.o", "crti.o", "crtn.o")
CAN_LINK = (
    os.uname().machine == "x86_64"
    and shutil.which("gcc")
    and shutil.which("ld")
    and all((DEVELOPMENT / one).exists() for one in CARRIED)
)


@pytest.mark.skipif(not CAN_LINK, reason="needs gcc and Debian's libc6-dev")
@pytest.mark.parametrize("linker", ["bfd", "lld"])
def test_linkers_find_all_parts_of_a_moved_c_library(tree: Tree, tmp_path: Path, linker: str) -> None:
    if not shutil.which(f"ld.{linker}"):
        pytest.skip(f"there is no ld.{linker} here")
    (tree.path / LIB).mkdir(parents=True)
    for name in CARRIED:
        shutil.copy(DEVELOPMENT / name, tree.path / LIB / name)
        content = (DEVELOPMENT / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        mode = (tree.path / LIB / name).stat().st_mode & 0o7777
        tree.entries[f"{LIB}/{name}"] = FileEntry(f"{LIB}/{name}", "file", mode, len(content), digest)
    tree.complete()
    moved = tree.path.rename(tmp_path / "moved")
    source = '#include <stdio.h>\n#include <stdlib.h>\n#include <math.h>\nstatic void end(void) { puts("end"); }'
    source += 'int main(int n, char **v) { atexit(end); printf("%.0f\\n", sqrt(n + 15)); return 0; }'
    places = (f"-B{moved}/{LIB}", f"-L{moved}/{LIB}")
    program = str(tmp_path / "program")

    command = ["gcc", f"-fuse-ld={linker}", "-xc", "-", *places, "-lm", "-Wl,--trace", "-o", program]
    traced = subprocess.run(command, input=source, check=True, capture_output=True, text=True).stdout

    read = [Path(line.split("(")[0].strip()) for line in traced.splitlines()]
    assert {one.parent for one in read if one.name in CARRIED} == {moved / LIB}
    assert "libc_nonshared.a" in {one.name for one in read}
    assert subprocess.run([program], check=True, capture_output=True, text=True).stdout == "4\nend\n"
