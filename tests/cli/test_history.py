"""`history`: what was changed, what became of it, and what to do about that."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.support.changes import CutBeforeRecording, ledger, put
from tests.support.commandline import CommandLine
from tests.support.disk import PowerCut
from tests.support.patched import MIOPEN, foreign, hashes, original, ours, put_torch, write

ROCBLAS = "torch/lib/librocblas.so"


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    foreign(tmp_path / "work/my venv")
    return tmp_path / "work/my venv"


def library(venv: Path, path: str = MIOPEN) -> Path:
    return next(venv.glob("lib/python*/site-packages")) / path


def rows(line: CommandLine, *words: str) -> list[list[str]]:
    """The table's lines without its head, cells by columns."""
    lines = line.succeed("history", *words).splitlines()
    cells = [re.split(r" {2,}", one.strip()) for one in lines if re.match(r" *\d+ ", one)]
    return [[one[0], *one[2:]] for one in cells]


def told(line: CommandLine, *words: str) -> list[tuple[int, str]]:
    return [(one["number"], one["state"]) for one in json.loads(line.succeed("history", "--json", *words))]


def test_where_nothing_was_changed_that_is_said(line: CommandLine):
    outcome = line.run("history")

    assert (outcome.code, outcome.out, outcome.err) == (0, "", "nothing was changed yet\n")
    assert json.loads(line.succeed("history", "--json")) == []


def test_a_row_says_what_was_done_where_and_how_it_stands(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    put(line, str(venv), {MIOPEN: b"two", ROCBLAS: b"two", "torch/lib/libnew.so": b"new"})
    line.succeed("undo", "--yes")

    where = "/".join(("…", venv.parent.name, venv.name))
    assert rows(line) == [
        ["1", "deploy", where, "libMIOpen.so", "in force"],
        ["2", "deploy", where, "libMIOpen.so and 2 more", "taken back by 3"],
        ["3", "undo 2", where, "libMIOpen.so and 2 more", "in force"],
    ]


def test_on_a_terminal_of_eighty_columns_each_change_has_one_line(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    put(line, str(venv), {MIOPEN: b"two", ROCBLAS: b"two", "torch/lib/libnew.so": b"new"})
    line.succeed("undo", "--yes")

    shown = line.at_terminal("history", COLUMNS="80").out

    lines = [" ".join(one.split()) for one in shown.splitlines() if one.strip()][2:]
    assert [re.sub(r"[0-9]{4}-[0-9-]{5}", "DAY", one) for one in lines] == [
        "1 DAY deploy …/my venv libMIOpen.so in force",
        "2 DAY deploy …/my venv libMIOpen.so +2 taken back by 3",
        "3 DAY undo 2 …/my venv libMIOpen.so +2 in force",
    ]


def test_a_number_shows_each_file_with_its_hashes_and_where_it_came_from(line: CommandLine, venv: Path):
    generation = put(line, str(venv), {MIOPEN: b"one", "torch/lib/libnew.so": b"new"})

    shown = line.succeed("history", "1")

    assert str(library(venv)) in shown
    assert all(step.after.sha256 in shown and step.source in shown for step in generation.steps)
    assert "before: nothing" in shown


def test_only_what_a_name_a_path_or_a_link_means_is_listed(line: CommandLine, venv: Path, tmp_path: Path):
    ours(line)
    put(line, str(venv), {MIOPEN: b"one"})
    put(line, "demo", {MIOPEN: b"two"})
    (tmp_path / ".venv").symlink_to(line.layout.venvs / "demo")

    assert told(line, str(venv)) == [(1, "in force")]
    assert told(line, "demo") == told(line, str(tmp_path / ".venv")) == [(2, "in force")]
    assert line.run("history", "nobody").code == 3


def test_a_reinstall_of_torch_is_told_with_both_ways_on(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    put_torch(library(venv).parents[2])

    outcome = line.run("history")

    assert (outcome.code, told(line)) == (0, [(1, "replaced")])
    back = "1: replaced (libMIOpen.so; what stood there before is back): "
    assert f"{back}`rocmswitch deploy --again 1` or `rocmswitch backup prune 1`" in outcome.err


def test_a_file_with_other_times_and_the_same_bytes_still_stands(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    write(library(venv), b"one")

    assert told(line) == [(1, "in force")]


def test_another_file_of_the_same_size_is_told_by_its_hash(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    write(library(venv), b"two")

    assert told(line) == [(1, "replaced")]


def test_what_is_gone_is_told(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    library(venv).unlink()
    assert told(line) == [(1, "gone")]

    shutil.rmtree(venv)
    (found,) = json.loads(line.succeed("history", "--json"))
    assert (found["state"], found["remedies"]) == ("gone", [["backup", "prune", "1"]])


def test_an_environment_that_was_made_anew_is_told(line: CommandLine, venv: Path, tmp_path: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    venv.rename(tmp_path / "elsewhere")  # so that its inode is not given to the next
    foreign(venv)

    assert told(line) == [(1, "made anew")]


def test_an_environment_that_moved_to_another_disk_with_all_it_had_is_as_it_was(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    venv.rename(venv.with_name("old"))
    shutil.copytree(venv.with_name("old"), venv, symlinks=True)

    assert told(line) == [(1, "in force")]


def test_a_later_deployment_covers_an_earlier_one(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    put(line, str(venv), {MIOPEN: b"two"})

    assert rows(line)[0][-1] == "covered by 2"


def test_what_was_let_go_is_listed_as_pruned(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    ledger(line).prune({1}, wait=0)

    assert told(line) == [(1, "pruned")]


def test_a_damaged_backup_is_found_when_asked_to_check_and_a_missing_one_always(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    saved = ledger(line).saved(1, "0.before")
    before = saved.stat()
    write(saved, b"x" * len(original()))
    os.utime(saved, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a failing disk leaves it

    assert told(line) == [(1, "in force")]
    assert told(line, "--check") == [(1, "damaged backup")]
    saved.unlink()
    assert told(line) == [(1, "damaged backup")]


def test_a_record_that_cannot_be_read_hides_no_other(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    put(line, str(venv), {ROCBLAS: b"two"})
    record = line.layout.backups / "1/record"
    record.chmod(0o600)
    record.write_bytes(record.read_bytes().replace(b"deploy", b"depoly"))

    outcome, listed = line.run("history"), line.run("history", "--json")

    assert (outcome.code, outcome.error) == (4, "the record of generation 1 cannot be read")
    assert [(one["number"], one["state"]) for one in json.loads(listed.out)] == [(2, "in force"), (1, "unreadable")]


def test_a_change_that_was_cut_off_is_taken_back_first_and_told(line: CommandLine, venv: Path):
    before = hashes(venv)
    with pytest.raises(PowerCut):
        put(line, str(venv), {MIOPEN: b"one"}, CutBeforeRecording())
    assert library(venv).read_bytes() == b"one"

    outcome = line.run("history")

    assert (outcome.code, hashes(venv)) == (0, before), outcome
    assert f"took back a change that was interrupted: deploy {venv}" in outcome.err
    assert told(line) == []


def test_names_with_control_characters_do_not_reach_the_terminal(line: CommandLine, tmp_path: Path):
    venv = tmp_path / "red\x1b[31m"
    foreign(venv)
    put(line, str(venv), {MIOPEN: b"one"})

    outcome = line.run("history", "1")

    assert (outcome.code, "\x1b" in outcome.out + outcome.err) == (0, False)
    assert json.loads(line.succeed("history", "--json"))[0]["intent"]["place"]["name"] == str(venv)


def test_a_damaged_journal_hides_nothing_and_nothing_is_guessed_from_it(line: CommandLine, venv: Path):
    put(line, str(venv), {ROCBLAS: b"one"})
    with pytest.raises(PowerCut):
        put(line, str(venv), {MIOPEN: b"two"}, CutBeforeRecording())
    journal = line.layout.open_journal
    journal.chmod(0o600)
    write(journal, journal.read_bytes()[:40] + b"?" + journal.read_bytes()[41:])
    before = hashes(venv)

    outcome = line.run("history")

    assert (outcome.code, "libroc" in outcome.out, hashes(venv)) == (4, True, before), outcome
    assert str(journal) in outcome.error
