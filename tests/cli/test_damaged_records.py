"""What is left where a journal or a record cannot be read: it is said once, and everything works again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.changes import CutBeforeRecording, put
from tests.support.commandline import CommandLine
from tests.support.disk import PowerCut
from tests.support.patched import MIOPEN, foreign, original, patched, write


@pytest.fixture
def venv(line: CommandLine) -> Path:
    """Of somebody's own, with torch in it."""
    foreign(line.folder / "my venv")
    return line.folder / "my venv"


@pytest.fixture
def library(line: CommandLine) -> Path:
    return write(line.folder / "built/libMIOpen.so", patched())


def cut(line: CommandLine, venv: Path) -> Path:
    """The journal of a deployment whose power was cut, damaged since."""
    with pytest.raises(PowerCut):
        put(line, str(venv), {MIOPEN: b"two"}, CutBeforeRecording())
    journal = line.layout.open_journal
    write(journal, journal.read_bytes()[:-30] + b"?" + journal.read_bytes()[-29:])
    return journal


def test_a_damaged_journal_is_told_once_and_then_everything_works_again(
    line: CommandLine, venv: Path, library: Path
):
    journal = cut(line, venv)
    words = ("deploy", str(library), "--into", str(venv), "--as", MIOPEN, "--yes")

    refused = line.run(*words)
    told = line.run("history")
    told_again = line.run("history")
    deployed = line.run(*words)

    assert (refused.code, refused.hint) == (4, "run `rocmswitch history`"), refused
    assert (told.code, told_again.code, deployed.code, journal.exists()) == (4, 0, 0, False), (told, deployed)
    assert told.hint == "run `rocmswitch history 1` for what may be half-changed"
    assert "its journal could not be read" in told_again.err


def test_what_it_had_saved_is_named_and_can_be_put_back_by_hand(line: CommandLine, venv: Path):
    cut(line, venv)
    line.run("history")

    told = line.succeed("history", "1")

    (note,) = [one for one in told.splitlines() if "may be old or new" in one]
    assert MIOPEN in note
    assert Path(note.partition("is saved as ")[2]).read_bytes() == original()


def test_letting_it_go_ends_it(line: CommandLine, venv: Path):
    cut(line, venv)
    line.run("history")

    before = line.run("doctor", "--json")
    (change,) = json.loads(line.succeed("backup", "prune", "1", "--dry-run", "--json"))["changes"]
    kept = json.loads(line.succeed("backup", "prune", "--dry-run", "--json"))["changes"]
    pruned = line.run("backup", "prune", "1", "--yes")
    after = line.run("doctor", "--json")

    assert [one["why"].partition(";")[0] for one in json.loads(before.out) if one["id"] == "left-alone:1"] == [
        "its journal could not be read"
    ]
    assert [one["what"] for one in change["lost"]] == ["whatever it saved: its journal could not be read"]
    assert (pruned.code, kept) == (0, []), pruned
    assert not [one for one in json.loads(after.out) if one["id"] == "left-alone:1"]


@pytest.mark.parametrize(
    ("words", "code"), [(("undo",), 3), (("undo", "1"), 5), (("deploy", "--again", "1"), 5)], ids=str
)
def test_it_is_nothing_that_another_command_takes_for_a_change(
    line: CommandLine, venv: Path, words: tuple[str, ...], code: int
):
    cut(line, venv)
    line.run("history")
    before = (next(venv.glob("lib/python*/site-packages")) / MIOPEN).read_bytes()

    outcome = line.run(*words, "--yes")

    assert outcome.code == code, outcome
    assert (next(venv.glob("lib/python*/site-packages")) / MIOPEN).read_bytes() == before


def test_a_damaged_record_keeps_nobody_from_deploying(line: CommandLine, venv: Path, library: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    write(line.layout.backups / "1/record", b"garbled")

    outcome = line.run("deploy", str(library), "--into", str(venv), "--as", MIOPEN, "--yes")

    assert outcome.code == 0, outcome


@pytest.mark.parametrize("words", [(), ("2",)], ids=str)
def test_undo_passes_over_no_newer_change_of_which_nobody_knows_what_it_was(
    line: CommandLine, venv: Path, words: tuple[str, ...]
):
    put(line, str(venv), {MIOPEN: b"one"})
    put(line, str(venv), {"torch/lib/librocblas.so": b"two"})
    write(line.layout.backups / "2/record", b"garbled")

    refused = line.run("undo", *words, "--yes")
    line.succeed("backup", "prune", "2", "--yes")
    done = line.run("undo", "--yes")

    assert (refused.code, refused.hint) == (4, "run `rocmswitch backup prune 2` to let it go"), refused
    assert done.code == 0 and "took back generation 1" in done.err, done
