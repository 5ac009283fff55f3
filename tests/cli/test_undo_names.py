"""`undo` of what was done to our own names: removals, the default, environments built anew."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.acme import NAME
from tests.support.commandline import CommandLine
from tests.support.patched import hashes


def links(line: CommandLine) -> dict[str, str]:
    """Every symlink among our prefixes, environments and scripts, and the scripts' contents."""
    found = {}
    for folder in (line.layout.prefixes, line.layout.venvs, line.layout.activations):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_symlink():
                found[str(path)] = str(path.readlink())
            elif path.is_file():
                found[str(path)] = path.read_text()
    return found


def test_a_removed_stack_comes_back_with_its_scripts_and_its_default(line: CommandLine):
    line.succeed("install", NAME, "--yes")
    line.succeed("use", NAME, "--default")
    before, files = links(line), hashes(line.layout.prefixes)
    line.succeed("remove", NAME, "--yes")
    assert NAME not in line.succeed("list")

    outcome = line.run("undo", "--yes")

    assert outcome.code == 0, outcome
    assert (links(line), hashes(line.layout.prefixes)) == (before, files)
    line.succeed("verify", NAME)
    line.succeed("run", NAME, "--", "true")


def test_a_removal_is_not_undone_over_what_was_installed_anew(line: CommandLine):
    line.succeed("install", NAME, "--yes")
    line.succeed("remove", NAME, "--yes")
    line.succeed("install", NAME, "--set", "compiler", "--yes")
    before = links(line)

    outcome = line.run("undo", "--yes")

    assert (outcome.code, links(line)) == (5, before), outcome
    assert outcome.error == f"`{NAME}` was made anew after generation 1 had removed it"


def test_the_default_goes_back_to_what_it_was(line: CommandLine):
    line.succeed("install", NAME, "--yes")
    before = links(line)
    line.succeed("use", NAME, "--default")

    line.succeed("undo", "--yes")
    assert links(line) == before
    line.succeed("undo", "2", "--yes")
    assert os.path.lexists(line.layout.activations / "default.sh")


def test_a_tree_that_was_let_go_cannot_come_back(line: CommandLine):
    line.succeed("install", NAME, "--yes")
    line.succeed("remove", NAME, "--yes")
    (tree,) = (line.layout.prefixes / ".trees").iterdir()
    for path in (tree, *tree.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(tree)

    outcome = line.run("undo", "--yes")

    assert (outcome.code, outcome.error) == (3, f"the tree of `{NAME}` was let go"), outcome


def test_an_environment_that_was_built_anew_goes_back_to_its_older_tree(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    before = links(line)
    line.succeed("use", NAME, "--venv", "demo", "--rebind", "--python", sys.executable, "--yes")
    if links(line) == before:
        pytest.skip("the same wheels and the same Python make the same tree")

    line.succeed("undo", "--yes")

    assert links(line) == before
    line.succeed("verify", "demo")


def test_an_environment_that_was_removed_by_the_link_of_a_project_comes_back_with_it(
    line: CommandLine, tmp_path: Path
):
    project = tmp_path / "a project"
    project.mkdir()
    line.succeed("use", NAME, "--venv", str(project / ".venv"), "--yes")
    before, target = links(line), (project / ".venv").readlink()
    line.succeed("remove", str(project / ".venv"), "--yes")
    assert not os.path.lexists(project / ".venv")

    line.succeed("undo", "--yes")

    assert (links(line), (project / ".venv").readlink()) == (before, target)
