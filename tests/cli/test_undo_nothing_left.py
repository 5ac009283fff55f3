"""`undo` where nothing is left to put back: it is said once, and the next one is the turn of the change before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.patched import MIOPEN, foreign, original, patched, put_torch, write

ROCBLAS = "torch/lib/librocblas.so"


@pytest.fixture
def packages(line: CommandLine) -> Path:
    """Two deployments in an environment of somebody's, of which a reinstall has undone the second."""
    site = foreign(line.folder / "my venv")
    for name in ("librocblas.so", "libMIOpen.so"):
        library = write(line.folder / "built" / name, patched(name))
        line.succeed("deploy", str(library), "--into", str(line.folder / "my venv"), "--yes")
    mine = (site / ROCBLAS).read_bytes()
    put_torch(site)
    write(site / ROCBLAS, mine)
    return site


def states(line: CommandLine) -> dict[int, str]:
    return {one["number"]: one["state"] for one in json.loads(line.succeed("history", "--json"))}


def test_it_counts_as_taken_back_and_the_next_undo_takes_the_one_before(line: CommandLine, packages: Path):
    first = line.run("undo", "--yes", "--json")
    second = line.run("undo", "--yes")
    third = line.run("undo", "--yes")

    assert (first.code, json.loads(first.out)["generation"], json.loads(first.out)["files"]) == (0, 3, []), first
    assert "generation 2 counts as taken back, recorded as generation 3\n" in first.err
    assert (second.code, (packages / ROCBLAS).read_bytes()) == (0, original("librocblas.so")), second
    assert (third.code, third.error) == (3, "there is nothing to undo")
    assert {states(line)[number] for number in (1, 2)} == {"taken back"}


def test_a_dry_run_records_nothing(line: CommandLine, packages: Path):
    outcome = line.run("undo", "--dry-run")

    assert (outcome.code, set(states(line))) == (0, {1, 2}), outcome
    assert "nothing has to be put back\n" in outcome.err


def test_undoing_that_makes_the_change_count_again(line: CommandLine, packages: Path):
    line.succeed("undo", "--yes")

    line.succeed("undo", "3", "--yes")

    assert states(line)[2] == "replaced"
    line.succeed("deploy", "--again", "2", "--yes")
    assert (packages / MIOPEN).read_bytes() == patched()


def test_history_shows_what_changed_no_file(line: CommandLine, packages: Path):
    line.succeed("undo", "--yes")

    assert line.run("history").code == line.run("history", "3").code == 0
    assert line.run("doctor").code == 0
