"""`undo`: any recorded change is taken back, an undo too; what is in the way is named, and nothing is changed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.changes import CutBeforeRecording, ledger, put
from tests.support.commandline import CommandLine
from tests.support.disk import PowerCut
from tests.support.patched import MIOPEN, foreign, hashes, original, put_torch, write

ROCBLAS = "torch/lib/librocblas.so"


@pytest.fixture
def venv(line: CommandLine) -> Path:
    foreign(line.folder / "my venv")
    return line.folder / "my venv"


def library(venv: Path, path: str = MIOPEN) -> Path:
    return next(venv.glob("lib/python*/site-packages")) / path


def states(line: CommandLine) -> list[str]:
    told = json.loads(line.succeed("history", "--json"))
    return [one["state"] + (f" by {one['by']}" if one["by"] else "") for one in told]


def test_the_newest_change_is_taken_back_and_then_the_one_before(line: CommandLine, venv: Path):
    before = hashes(venv)
    put(line, str(venv), {MIOPEN: b"one"})
    after_one = hashes(venv)
    put(line, str(venv), {MIOPEN: b"two", ROCBLAS: b"two", "torch/lib/libnew.so": b"two"})

    line.succeed("undo", "--yes")
    assert hashes(venv) == after_one
    line.succeed("undo", "--yes")
    assert hashes(venv) == before
    assert line.run("undo", "--yes").code == 3


def test_an_undo_is_undone_by_its_number(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one", "torch/lib/libnew.so": b"one"})
    deployed = hashes(venv)
    line.succeed("undo", "--yes")

    line.succeed("undo", "2", "--yes")

    assert hashes(venv) == deployed
    assert states(line) == ["in force", "taken back by 3", "in force"]


def test_a_restore_is_undone_like_any_change(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    put(line, str(venv), {ROCBLAS: b"two"})
    deployed = hashes(venv)
    line.succeed("restore", str(venv), "--yes")

    line.succeed("undo", "--yes")

    assert hashes(venv) == deployed
    assert states(line) == ["in force", "in force", "taken back by 4", "in force"]


def test_the_generation_and_each_path_are_shown_before_consent(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one", ROCBLAS: b"one"})
    before = hashes(venv)

    outcome = line.run("undo")

    assert (outcome.code, hashes(venv)) == (5, before)
    assert f"takes back generation 1 (deploy {venv}, " in outcome.err
    assert all(f"\n  {path}: what generation 1 has saved" in outcome.err for path in (MIOPEN, ROCBLAS))


def test_a_dry_run_changes_nothing_and_says_the_same_for_programs(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    before = hashes(venv)

    told = json.loads(line.succeed("undo", "--dry-run", "--json"))

    assert (hashes(venv), told["takes_back"], told["generation"]) == (before, [1], None)


def test_a_later_change_of_the_same_path_has_to_be_undone_first(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    put(line, str(venv), {MIOPEN: b"two"})
    before = hashes(venv)

    outcome = line.run("undo", "1", "--yes")

    assert (outcome.code, hashes(venv)) == (5, before)
    assert (outcome.error, outcome.hint) == (
        f"generation 2 has changed `{MIOPEN}` after generation 1",
        "run `rocmswitch undo 2` first",
    )


def test_an_earlier_change_of_another_path_is_undone_alone(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    put(line, str(venv), {ROCBLAS: b"two"})

    line.succeed("undo", "1", "--yes")

    assert (library(venv).read_bytes(), library(venv, ROCBLAS).read_bytes()) == (original(), b"two")


def test_what_was_taken_back_already_says_how_to_have_it_again(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    line.succeed("undo", "--yes")

    outcome = line.run("undo", "1", "--yes")

    assert (outcome.code, outcome.hint) == (5, "run `rocmswitch undo 2` to have it again")


def test_a_number_that_is_not_there_and_one_that_is_none_are_told(line: CommandLine, venv: Path):
    assert line.run("undo", "9", "--yes").code == 3
    assert line.run("undo", "0", "--yes").code == 2
    assert line.run("undo", "first", "--yes").code == 2


def test_what_somebody_else_has_put_there_is_never_overwritten(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one", ROCBLAS: b"one"})
    write(library(venv), b"somebody's work of a week")
    before = hashes(venv)

    outcome = line.run("undo", "--yes")

    assert (outcome.code, hashes(venv)) == (5, before)
    assert outcome.error == f"`{library(venv)}` is not what generation 1 put there"


def test_what_pip_has_put_back_is_left_alone_and_counts_as_taken_back(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    put_torch(next(venv.glob("lib/python*/site-packages")))
    inode = library(venv).stat().st_ino

    outcome = line.run("undo", "--yes")

    assert (outcome.code, library(venv).stat().st_ino) == (0, inode)
    assert "generation 1 counts as taken back" in outcome.err


def test_a_damaged_backup_is_refused_and_nothing_is_changed(line: CommandLine, venv: Path):
    put(line, str(venv), {ROCBLAS: b"one", MIOPEN: b"one"})
    write(ledger(line).saved(1, "1.before"), b"x" * len(original()))
    before = hashes(venv)

    outcome = line.run("undo", "--yes")

    assert (outcome.code, hashes(venv)) == (4, before), outcome
    assert outcome.hint.endswith("--reinstall --no-deps torch==2.7.1+rocm6.2.4`")


def test_of_an_environment_that_is_gone_nothing_can_be_taken_back(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    shutil.rmtree(venv)

    outcome = line.run("undo", "--yes")

    assert (outcome.code, outcome.error) == (5, f"the folder of `{library_of(line)}` is gone"), outcome


def library_of(line: CommandLine) -> str:
    step = ledger(line).generation(1).steps[0]
    return f"{step.root}/{step.path}"


def test_a_record_that_cannot_be_read_takes_nothing_back(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    record = line.layout.backups / "1/record"
    record.chmod(0o600)
    record.write_bytes(b"garbled\n")
    before = hashes(venv)

    assert (line.run("undo", "1", "--yes").code, hashes(venv)) == (4, before)


def test_an_unreadable_record_is_in_no_other_changes_way(line: CommandLine, venv: Path):
    put(line, str(venv), {ROCBLAS: b"one"})
    put(line, str(venv), {MIOPEN: b"two"})
    record = line.layout.backups / "1/record"
    record.chmod(0o600)
    record.write_bytes(b"garbled\n")

    line.succeed("undo", "--yes")

    assert (library(venv).read_bytes(), library(venv, ROCBLAS).read_bytes()) == (original(), b"one")


def test_what_was_left_half_done_because_somebody_wrote_there_is_told_and_let_go(line: CommandLine, venv: Path):
    with pytest.raises(PowerCut):
        put(line, str(venv), {MIOPEN: b"one", ROCBLAS: b"one"}, CutBeforeRecording())
    write(library(venv), b"somebody's work of a week")

    outcome = line.run("history")

    assert (outcome.code, states(line)) == (0, ["interrupted"]), outcome
    assert (library(venv).read_bytes(), library(venv, ROCBLAS).read_bytes()) == (
        b"somebody's work of a week",
        original("librocblas.so"),
    )
    assert line.run("undo", "--yes").code == 3
    assert line.run("undo", "1", "--yes").code == 5
    line.succeed("backup", "prune", "1", "--yes")
    assert states(line) == ["pruned"]


def test_names_that_are_no_text_are_taken_back_and_told(line: CommandLine, tmp_path: Path):
    venv = Path(os.fsdecode(os.fsencode(tmp_path) + b"/v\xff"))
    foreign(tmp_path / "venv")
    try:
        (tmp_path / "venv").rename(venv)
    except OSError:
        pytest.skip("this file system has only names that are text")
    before = hashes(venv)
    put(line, str(venv), {MIOPEN: b"one"})

    told = json.loads(line.succeed("undo", "--yes", "--json"))

    assert (hashes(venv), told["generation"]) == (before, 2)
    assert [one["number"] for one in json.loads(line.succeed("history", "--json"))] == [1, 2]
    assert line.run("history", "1").code == 0
