"""`backup prune`: what is let go of, what is lost by that, and what it frees, said before anything is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.changes import put
from tests.support.commandline import CommandLine
from tests.support.furnished import environment, prefix
from tests.support.patched import MIOPEN, foreign, hashes, original

FILLING = b"patched" * 100_000


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """With a stack, an environment of it, and an environment of somebody else's with torch."""
    line = CommandLine(tmp_path)
    prefix(line.layout, "rocm-6.2.4")
    environment(line.layout, "proj", "rocm-6.2.4", bound=False)
    foreign(tmp_path / "my venv")
    return line


@pytest.fixture
def venv(line: CommandLine) -> Path:
    return line.folder / "my venv"


def library(venv: Path) -> Path:
    return next(venv.glob("lib/python*/site-packages")) / MIOPEN


def plan(line: CommandLine, *words: str) -> dict[int, list[str]]:
    """What would be lost, by the number of the change."""
    told = json.loads(line.succeed("backup", "prune", "--dry-run", "--json", *words))
    return {one["number"]: [lost["what"] for lost in one["lost"]] for one in told["changes"]}


def trees(line: CommandLine) -> set[str]:
    folders = (line.layout.prefixes / ".trees", line.layout.venvs / ".trees")
    return {path.name.rpartition("-")[0] for folder in folders for path in folder.iterdir()}


def states(line: CommandLine) -> list[str]:
    return [one["state"] for one in json.loads(line.succeed("history", "--json"))]


def test_removed_trees_go_and_their_changes_stay_in_history(line: CommandLine):
    line.succeed("remove", "proj", "--yes")
    line.succeed("remove", "rocm-6.2.4", "--yes")

    shown = line.run("backup", "prune", "--dry-run")
    lost, before = plan(line), trees(line)
    pruned = line.run("backup", "prune", "--yes")

    assert lost == {
        1: ["the environment `proj` of rocm-6.2.4 with torch 2.7.1+rocm6.2.4"],
        2: ["the stack `rocm-6.2.4`"],
    }
    assert "    cannot be brought back: the stack `rocm-6.2.4` (" in shown.err
    assert (before, trees(line)) == ({"proj", "rocm-6.2.4"}, set())
    assert pruned.code == 0 and "freed " in pruned.err
    assert states(line) == ["pruned", "pruned"]
    assert line.run("undo", "--yes").code != 0


def test_the_original_of_what_is_deployed_stays_unless_everything_is_asked_for(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: FILLING})

    assert plan(line) == {}
    assert plan(line, "--all") == {1: [f"`{MIOPEN}` as it was before"]}
    outcome = line.run("backup", "prune", "--yes")
    assert (outcome.code, outcome.err) == (0, "nothing was saved that could be let go of\n")
    line.succeed("restore", str(venv), "--yes")
    assert library(venv).read_bytes() == original()


def test_of_what_is_taken_back_only_what_was_deployed_is_lost(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: FILLING})
    line.succeed("undo", "--yes")
    before = hashes(venv)

    lost = plan(line)
    line.succeed("backup", "prune", "--yes")

    assert lost[2] == [f"`{MIOPEN}` as it was before"]
    assert f"`{MIOPEN}` as it was before" not in lost[1]
    assert (states(line)[0], hashes(venv)) == ("taken back", before)
    assert [path.name for path in line.layout.backups.glob("*/*.before")] == []


def test_what_stands_elsewhere_is_not_called_lost(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: FILLING})
    line.succeed("undo", "--yes")

    shown = line.run("backup", "prune", "1", "--dry-run")

    assert "nothing is lost: what it saved is elsewhere, too" in shown.err


def test_numbers_choose_what_goes(line: CommandLine, venv: Path):
    line.succeed("remove", "proj", "--yes")
    put(line, str(venv), {MIOPEN: FILLING})

    line.succeed("backup", "prune", "2", "--yes")

    assert trees(line) == {"proj", "rocm-6.2.4"}
    assert line.run("undo", "1", "--yes").code == 0
    assert library(venv).read_bytes() == FILLING
    assert line.run("restore", str(venv), "--yes").code != 0


def test_a_number_takes_what_else_keeps_the_same_tree(line: CommandLine):
    line.succeed("remove", "proj", "--yes")
    line.succeed("undo", "--yes")
    line.succeed("remove", "proj", "--yes")

    lost = plan(line, "3")
    line.succeed("backup", "prune", "3", "--yes")

    assert lost == {1: [], 2: [], 3: ["the environment `proj` of rocm-6.2.4 with torch 2.7.1+rocm6.2.4"]}
    assert trees(line) == {"rocm-6.2.4"}
    assert states(line) == ["taken back", "pruned", "pruned"]


def test_who_looks_for_lost_disk_space_is_told_where_it_went(line: CommandLine):
    told = [line.run(*words).err for words in (("list",), ("list", "--json"))]
    line.succeed("remove", "proj", "--yes")

    shown = line.run("list").err
    kept = json.loads(line.succeed("cache", "size", "--json"))["kept"]
    freed = json.loads(line.succeed("backup", "prune", "--dry-run", "--json"))["freed"]
    line.succeed("backup", "prune", "--yes")

    assert told == ["", ""]
    assert "older or removed trees of proj; `rocmswitch cache size`" in shown
    assert (kept, freed > 0) == (freed, True)
    assert json.loads(line.succeed("cache", "size", "--json"))["kept"] == 0
    assert line.run("list").err == ""


def test_a_tree_that_is_in_use_again_stays(line: CommandLine):
    line.succeed("remove", "proj", "--yes")
    line.succeed("undo", "--yes")

    lost = plan(line, "1", "2")
    line.succeed("backup", "prune", "1", "2", "--yes")

    assert lost == {1: [], 2: []}
    assert line.succeed("run", "proj", "--", "python") == "python of an environment\n"


def test_a_tree_that_nothing_leads_to_is_offered_too(line: CommandLine):
    environment(line.layout, "proj", "rocm-6.2.4", bound=False, another=True)

    told = json.loads(line.succeed("backup", "prune", "--dry-run", "--json"))
    line.succeed("backup", "prune", "--yes")

    assert [tree.rpartition("-")[0] for tree in told["trees"]] == ["proj"]
    assert len(list((line.layout.venvs / ".trees").iterdir())) == 1


def test_the_bytes_it_promises_are_those_that_the_disk_gets_back(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: FILLING})
    put(line, str(venv), {MIOPEN: FILLING + b"!"})
    told = json.loads(line.succeed("backup", "prune", "--all", "--dry-run", "--json"))
    before = on_disk(line.folder)

    line.succeed("backup", "prune", "--all", "--yes")

    gone = before.keys() - on_disk(line.folder).keys()
    assert told["freed"] == sum(before[one] for one in gone) > len(FILLING) - 4096


def on_disk(folder: Path) -> dict[tuple[int, int], int]:
    """The bytes of each file, whatever the number of its names: by inode and time, for inodes are used again.

    What a command writes beside what it removes, as scripts that are missing, is another file.
    """
    files = [path.lstat() for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return {(one.st_ino, one.st_mtime_ns): 512 * one.st_blocks for one in files}


def test_a_record_that_cannot_be_read_keeps_every_tree_until_it_is_let_go(line: CommandLine):
    line.succeed("remove", "proj", "--yes")
    record = line.layout.backups / "1/record"
    record.chmod(0o600)
    record.write_bytes(b"garbled")

    line.succeed("cache", "prune", "--yes")
    kept = trees(line)
    before = line.run("history").code
    pruned = line.run("backup", "prune", "1", "--yes")
    line.succeed("backup", "prune", "--yes")

    assert "whatever it saved: its record cannot be read" in pruned.err
    assert (kept, trees(line)) == ({"proj", "rocm-6.2.4"}, {"rocm-6.2.4"})
    assert (before, line.run("history").code) == (4, 0)


def test_a_number_that_is_none_is_named(line: CommandLine):
    outcome = line.run("backup", "prune", "7", "--yes")

    assert (outcome.code, outcome.hint) == (3, "run `rocmswitch history`")


def test_numbers_and_all_exclude_each_other(line: CommandLine):
    assert line.run("backup", "prune", "--all", "7").code == 2


def test_without_a_terminal_it_needs_consent(line: CommandLine):
    line.succeed("remove", "proj", "--yes")

    outcome = line.run("backup", "prune")

    assert (outcome.code, trees(line)) == (5, {"proj", "rocm-6.2.4"})
