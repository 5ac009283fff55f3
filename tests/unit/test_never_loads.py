"""No part of the program, nor recover.sh, loads or unloads a module: a machine that hangs has nobody to ask."""

from __future__ import annotations

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LOADERS = ("insmod", "rmmod", "modprobe", "kexec")


def commands(tree: ast.AST) -> list[list[str]]:
    """Every list or tuple of words in a source, without what is filled in."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            found.append(
                [one.value for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            )
    return found


def loading(source: str) -> list[list[str]]:
    """Of those that begin with a program that loads or unloads, all but `modprobe -D`, which only shows."""
    tree = ast.parse(source)
    shows = "'-D'" in ast.dump(tree)
    found = [one for one in commands(tree) if one[:1] and one[0] in LOADERS]
    return [one for one in found if not (shows and one[0] == "modprobe") and one[1:] != ["--version"]]


def test_no_python_source_runs_a_program_that_loads_a_module():
    sources = sorted((REPOSITORY / "rocmswitch").rglob("*.py"))

    assert {str(one): found for one in sources if (found := loading(one.read_text()))} == {}


def test_the_reading_finds_a_program_that_would():
    assert loading("run(['modprobe', 'amdgpu'])") == [["modprobe", "amdgpu"]]
    assert loading("run(('rmmod', name))") == [["rmmod"]]
    assert loading("run(['modprobe', *words]); words = ['-D', name]") == []


def test_recover_sh_shows_only():
    lines = (REPOSITORY / "scripts/recover.sh").read_text().splitlines()
    called = [line for line in lines if re.search(r"(?:^|[;&|(]|chroot \S+)\s*(?:insmod|rmmod|modprobe)\b", line)]

    assert [line for line in called if not re.search(r"modprobe\b.* -D|modprobe\b.*--version", line)] == []
