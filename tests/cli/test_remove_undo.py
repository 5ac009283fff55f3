"""What was removed comes back whole with `undo`, until it is pruned; what takes its name goes before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.debs import Library, make_library
from tests.support.furnished import environment, prefix

NAME = "rocm-6.2.4"


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """With a stack that new shells enter, and an environment that a project has a link to."""
    line = CommandLine(tmp_path)
    prefix(line.layout, "rocm-6.1.0")
    prefix(line.layout, NAME)
    environment(line.layout, "proj", NAME, bound=False)
    project = line.home / "my project"
    project.mkdir(parents=True)
    (project / ".venv").symlink_to(line.layout.venvs / "proj")
    for target in ("rocm-6.1.0", NAME, "proj"):
        line.succeed("use", target, "--shell", "sh")
    return line


def state(line: CommandLine, *, kinds: tuple[str, ...] = ("prefixes", "venvs", "activations", "shell")) -> object:
    """Every file and link of ours and of the project, with mode and content; not what says when."""
    found = {}
    for folder in (*(line.layout.data / kind for kind in kinds), line.home):
        for path in sorted(folder.rglob("*")):
            mode = path.lstat().st_mode
            content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
            found[str(path)] = (mode, content)
    return found


def trees(line: CommandLine) -> set[str]:
    folders = (line.layout.prefixes / ".trees", line.layout.venvs / ".trees")
    return {path.name.rpartition("-")[0] for folder in folders for path in folder.iterdir()}


def test_a_removed_stack_that_was_the_default_comes_back_byte_for_byte(line: CommandLine):
    line.succeed("use", NAME, "--default", "--shell", "sh")
    before = state(line)

    removed = line.run("remove", NAME, "--yes")
    between = state(line)
    undone = line.run("undo", "--yes")

    assert removed.code == 0, removed
    assert "`rocmswitch undo` brings it back until `rocmswitch backup prune` frees its " in removed.err
    assert "recorded as generation 2\nback: `rocmswitch undo 2`\n" in removed.err
    assert not [path for path in between if f"activations/{NAME}" in path or "default" in path]
    assert undone.code == 0, undone
    assert state(line) == before
    assert line.succeed("run", NAME, "--", "hipcc") == f"hipcc of {NAME}\n"


def test_an_environment_that_is_removed_by_its_projects_link_comes_back_with_it(line: CommandLine):
    before = state(line)
    shortcut = line.home / "my project/.venv"

    removed = line.run("venv", "remove", str(shortcut), "--yes")
    between = shortcut.is_symlink(), (line.layout.venvs / "proj").is_symlink()
    undone = line.run("undo", "--yes")

    assert (removed.code, undone.code) == (0, 0), (removed, undone)
    assert between == (False, False)
    assert state(line) == before


def test_a_linked_stack_comes_back(line: CommandLine, tmp_path: Path):
    rocm = tmp_path / "opt/rocm-6.3.0"
    for below in ("lib", "bin", ".info"):
        (rocm / below).mkdir(parents=True)
    (rocm / ".info/version").write_text("6.3.0\n")
    make_library(Library("libamdhip64.so.6"), rocm / "lib/libamdhip64.so.6")
    linked = line.run("link", str(rocm), "--yes")
    before = state(line)
    line.succeed("remove", "linked-6.3.0", "--yes")

    undone = line.run("undo", "--yes")

    assert (linked.code, undone.code) == (0, 0), (linked, undone)
    assert state(line) == before


def test_sweeps_of_other_commands_spare_what_can_come_back(line: CommandLine):
    line.succeed("remove", NAME, "--yes")

    line.succeed("cache", "prune", "--yes")

    assert NAME in trees(line)
    assert line.run("undo", "--yes").code == 0


def test_what_is_purged_is_gone_at_once_and_the_plan_says_so(line: CommandLine):
    line.succeed("remove", NAME, "--yes")
    line.succeed("undo", "--yes")

    purged = line.run("remove", NAME, "--purge", "--yes")
    undone = line.run("undo", "--yes")

    assert purged.code == 0, purged
    assert "at once, and cannot be undone, nor can what `rocmswitch history` lists as 1, 2\n" in purged.err
    assert trees(line) == {"rocm-6.1.0", "proj"}
    assert undone.code != 0 and not (line.layout.prefixes / NAME).is_symlink()


def test_undo_says_that_it_passes_over_what_was_purged(line: CommandLine):
    line.succeed("use", NAME, "--venv", "proj", "--yes")
    line.succeed("use", NAME, "--default", "--shell", "sh")
    line.succeed("remove", "proj", "--purge", "--yes")

    undone = line.run("undo", "--dry-run")

    assert "takes back generation 1 (default, " in undone.err
    assert "note: nothing takes back 2 (remove proj): what that had saved was let go\n" in undone.err


def test_who_removes_what_is_not_installed_is_not_told_to_install_it(line: CommandLine):
    outcome = line.run("remove", "5.7")

    assert (outcome.code, outcome.hint) == (3, "run `rocmswitch list`")


def test_a_damaged_stack_is_purged_for_nothing_could_be_brought_back(line: CommandLine):
    receipt = line.layout.prefixes / NAME / ".rocmswitch/receipt.json"
    receipt.chmod(0o644)
    receipt.write_text("{")

    removed = line.run("remove", NAME, "--yes")

    assert (removed.code, "cannot be undone" in removed.err) == (0, True), removed
    assert trees(line) == {"rocm-6.1.0", "proj"}


def test_a_dry_run_says_how_it_would_come_back_and_changes_nothing(line: CommandLine):
    before = state(line)

    shown = line.run("remove", NAME, "--dry-run")

    assert (shown.code, "`rocmswitch undo` brings it back" in shown.err) == (0, True)
    assert state(line) == before and not line.layout.backups.exists()


def test_what_has_taken_the_name_meanwhile_is_not_overwritten(line: CommandLine):
    line.succeed("remove", "proj", "--yes")
    environment(line.layout, "proj", "rocm-6.1.0", bound=False, another=True)
    line.succeed("use", "proj", "--shell", "sh")
    before = state(line)

    undone = line.run("undo", "--yes")
    between = state(line)
    line.succeed("remove", "proj", "--yes")
    line.succeed("undo", "1", "--yes")

    assert undone.code == 5, undone
    assert undone.error == "`proj` was made anew after generation 1 had removed it"
    assert between == before
    assert "environment of rocm-6.2.4" in line.succeed("list")
    assert trees(line) == {"rocm-6.1.0", NAME, "proj"}


def test_a_prefix_that_an_environment_is_bound_to_still_stays(line: CommandLine):
    environment(line.layout, "bound", NAME)

    refused = line.run("remove", NAME, "--yes")

    assert (refused.code, refused.hint) == (5, "run `rocmswitch remove bound`")


def test_what_was_removed_together_comes_back_in_either_order(line: CommandLine):
    environment(line.layout, "bound", NAME)
    line.succeed("use", "bound", "--shell", "sh")
    before = state(line)
    line.succeed("remove", "bound", "--yes")
    line.succeed("remove", NAME, "--yes")

    first = line.run("undo", "1", "--yes")
    second = line.run("undo", "2", "--yes")

    assert (first.code, second.code) == (0, 0), (first, second)
    assert state(line) == before


def test_a_home_that_is_reached_by_a_link_serves_as_well(line: CommandLine, tmp_path: Path):
    (tmp_path / "elsewhere").symlink_to(line.folder / "rocmswitch")
    home = {"ROCMSWITCH_HOME": str(tmp_path / "elsewhere")}

    removed = line.run("remove", NAME, "--yes", **home)
    undone = line.run("undo", "--yes", **home)

    assert (removed.code, undone.code) == (0, 0), (removed, undone)
    assert line.succeed("run", NAME, "--", "hipcc") == f"hipcc of {NAME}\n"
