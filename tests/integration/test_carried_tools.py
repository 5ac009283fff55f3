"""Programs and interpreters that were carried, run by scripts that know nothing of where they are."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.relocate import Relocated
from rocmswitch.store.tools import SCRIPT_REASON, offer_tools
from rocmswitch.store.verify import verify_entries
from rocmswitch.system.disk import Disk

ECHO = '#!/bin/sh\necho "$(basename "$0")" "$@"\n'
"""A program that says under which name and with which arguments it is run."""


@dataclass
class Tree:
    path: Path
    entries: dict[str, FileEntry] = field(default_factory=dict)

    def file(self, path: str, content: str = ECHO, mode: int = 0o755, package: str = "") -> None:
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        target.chmod(mode)
        digest = hashlib.sha256(content.encode()).hexdigest()
        self.entries[path] = FileEntry(path, "file", mode, len(content.encode()), digest, package=package)

    def link(self, path: str, target: str, package: str) -> None:
        (self.path / path).symlink_to(target)
        self.entries[path] = FileEntry(path, "link", 0o777, target=target, package=package)

    def offer(self, *on_the_host: str) -> tuple[FileEntry, ...]:
        """What becomes of it; all of the list is as on the disk."""
        entries = offer_tools(self.path, Relocated(tuple(self.entries.values()), ()), Disk(), on_the_host).entries
        folders = [
            FileEntry(str(one.relative_to(self.path)), "directory", one.stat().st_mode & 0o7777)
            for one in self.path.rglob("*")
            if one.is_dir() and not one.is_symlink()
        ]
        listed = {one.path: one for one in (*folders, *entries)}
        assert verify_entries(self.path, tuple(listed.values())) == ()
        return entries

    def run(self, *command: str) -> str:
        """What *command* prints where the tools come first on the PATH."""
        environment = {**os.environ, "PATH": f"{self.path}/base/tools:{os.environ['PATH']}"}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "a tree").mkdir()
    return Tree(tmp_path / "a tree")


def tools(entries: tuple[FileEntry, ...]) -> list[str]:
    return [one.path for one in entries if one.path.startswith("base/tools")]


def test_only_what_is_run_by_name_is_offered(tree: Tree) -> None:
    tree.file("base/usr/bin/x86_64-linux-gnu-ld", package="binutils-x86-64-linux-gnu")
    tree.link("base/usr/bin/ld", "x86_64-linux-gnu-ld", package="binutils")
    tree.file("base/usr/bin/tar", package="tar")

    entries = tree.offer()

    assert tools(entries) == ["base/tools", "base/tools/ld"]
    assert tree.run("ld", "-o", "x") == "ld -o x\n"


def test_a_carried_linker_does_not_hide_the_machine_s_own_and_hipcc_finds_it_elsewhere(tree: Tree) -> None:
    tree.file("base/usr/bin/x86_64-linux-gnu-ld", package="binutils-x86-64-linux-gnu")
    tree.link("base/usr/bin/ld", "x86_64-linux-gnu-ld", package="binutils")

    entries = tree.offer("binutils")

    assert tools(entries) == []
    assert tree.run(f"{tree.path}/base/linker/ld", "-o", "x") == "ld -o x\n"


def test_programs_that_a_carried_compiler_made_find_its_libraries_and_no_others(tree: Tree) -> None:
    for name in ("libatomic.so.1", "libstdc++.so.6", "libssl.so.3"):
        tree.file(f"base/usr/lib/x86_64-linux-gnu/{name}", name, 0o644)
    tree.file("usr/lib/libgomp.so.1", "the stack's own", 0o644)

    tree.offer()

    found = {one.name: one.read_text() for one in (tree.path / "base/runtime").iterdir()}
    assert found == {"libatomic.so.1": "libatomic.so.1", "libstdc++.so.6": "libstdc++.so.6"}


def test_a_tree_for_which_nothing_was_carried_stays_as_it_is(tree: Tree) -> None:
    tree.file("usr/bin/hipcc", "#!/usr/bin/perl\n")

    assert tree.offer() == tuple(tree.entries.values())
    assert not (tree.path / "base").exists()


def test_file_is_told_where_its_descriptions_are(tree: Tree) -> None:
    tree.file("base/usr/bin/file", '#!/bin/sh\nfor one; do echo "$one"; done; cat "$2"\n', package="file")
    tree.file("base/usr/lib/file/magic.mgc", "descriptions\n", 0o644)
    tree.offer()

    option, _, argument, read = tree.run("file", "one two").splitlines()

    assert (option, argument, read) == ("--magic-file", "one two", "descriptions")


PERL = shutil.which("perl")
NAMES_ITSELF = 'print "$0 @ARGV: ", ($^W ? "warns" : "quiet"), "\\n"; print STDERR @INC; exit 0;\n'


@pytest.mark.skipif(PERL is None, reason="needs perl")
@pytest.mark.parametrize(
    ("shebang", "state"),
    [("#!/usr/bin/perl", "quiet"), ("#! /usr/bin/perl -w", "warns"), ("#!/usr/bin/env perl", "quiet")],
)
def test_perl_programs_run_with_the_carried_perl(tree: Tree, shebang: str, state: str) -> None:
    tree.file("base/usr/bin/perl", f'#!/bin/sh\nexec {PERL} "$@"\n')
    tree.file("usr/bin/hipconfig", f"{shebang}\n{NAMES_ITSELF}")

    (entry,) = [one for one in tree.offer() if one.reason]

    program = f"{tree.path}/usr/bin/hipconfig"
    assert tree.run(program, "a b") == f"{program} a b: {state}\n"
    assert (entry.path, entry.reason) == ("usr/bin/hipconfig", SCRIPT_REASON)
    assert entry.original_sha256 == tree.entries["usr/bin/hipconfig"].sha256


@pytest.mark.skipif(PERL is None, reason="needs perl")
def test_a_carried_perl_and_its_children_find_its_modules(tree: Tree) -> None:
    tree.file("base/usr/bin/perl", f'#!/bin/sh\nexec {PERL} "$@"\n')
    tree.file("base/usr/share/perl/5.36.0/strict.pm", "package strict; sub import { print 'ours ' } 1;\n", 0o644)
    tree.file("base/usr/share/perl5/File/Which.pm", "package File::Which; sub import { print 'which' } 1;\n", 0o644)
    tree.file("usr/bin/hipcc", "#!/usr/bin/perl\nsystem($^X, '-e', 'use strict; use File::Which;');\n")

    tree.offer()

    assert tree.run(f"{tree.path}/usr/bin/hipcc") == "ours which"


@pytest.mark.parametrize("shebang", ["#!/usr/bin/env python3", "#!/usr/bin/python3", "#!/usr/bin/env python"])
def test_python_programs_run_with_the_carried_python_and_nobody_else_does(tree: Tree, shebang: str) -> None:
    tree.file("base/usr/bin/python3.11", '#!/bin/sh\necho carried "$@"\n')
    tree.link("base/usr/bin/python3", "python3.11", package="python3-minimal")
    tree.file("usr/bin/rocm-smi", f"{shebang}\nprint()\n")

    entries = tree.offer()

    assert tree.run(f"{tree.path}/usr/bin/rocm-smi", "-a") == f"carried -B {tree.path}/usr/bin/rocm-smi -a\n"
    assert tools(entries) == ["base/tools", "base/tools/rocmswitch-python"]


@pytest.mark.parametrize(
    "content", ["#!/bin/bash\n", "#!/usr/bin/python3\n", "\x7fELF", "#!/usr/bin/perldoc\n", ""]
)
def test_other_programs_keep_their_first_line(tree: Tree, content: str) -> None:
    tree.file("base/usr/bin/perl")
    tree.file("usr/bin/program", content)

    assert [one.path for one in tree.offer() if one.reason] == []


def test_a_changed_script_leaves_files_alone_that_share_its_content(tree: Tree, tmp_path: Path) -> None:
    tree.file("base/usr/bin/perl")
    tree.file("usr/bin/hipcc", "#!/usr/bin/perl\n")
    (tmp_path / "other").hardlink_to(tree.path / "usr/bin/hipcc")

    tree.offer()

    assert (tmp_path / "other").read_text() == "#!/usr/bin/perl\n"
