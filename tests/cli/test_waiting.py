"""What somebody sees who waits: at a terminal what is being done, in a log nothing that moves."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.pytorchsite import PytorchSite

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
STACK, OTHER = "rocm-6.2.4", "rocm-5.7.1"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path_factory.mktemp("site"), pythons=(TAG,)) as site:
        yield site


@pytest.fixture
def line(site: PytorchSite, tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path, {"PIP_INDEX_URL": site.simple})
    site.let(line, STACK, OTHER)
    return line


def totals(screen: str) -> list[tuple[float, float]]:
    """What the bar of the total said: done, and of how much."""
    shown = re.findall(r"total\s+\S+ ([0-9.,]+)/([0-9.,]+) (?:bytes|kB|MB)", screen)
    return [(float(done.replace(",", "")), float(whole.replace(",", ""))) for done, whole in shown]


def test_a_terminal_says_what_is_being_done(line: CommandLine) -> None:
    screen = line.at_terminal("use", STACK, "--venv", "demo", "--yes").out

    said = ("looking for the wheels of rocm-6.2.4", "total", "unpacking and checking", "looking at what demo loads")
    places = [screen.find(text) for text in said]
    assert -1 not in places
    assert places == sorted(places)


def test_a_log_has_nothing_of_that(line: CommandLine) -> None:
    outcome = line.run("use", STACK, "--venv", "demo", "--yes")

    assert "looking" not in outcome.err
    assert "unpacking" not in outcome.err


def test_who_types_a_version_alone_is_told_that_it_is_not_pytorch(line: CommandLine) -> None:
    nowhere = {"https_proxy": "http://127.0.0.1:9"}
    before = line.run("use", "6.2.4", **nowhere)
    line.succeed("use", STACK, "--venv", "demo", "--yes")
    after = line.run("use", "6.2.4", **nowhere)

    said = "note: this is the ROCm tree alone; PyTorch is in an environment:"
    assert before.err.splitlines()[:2] == [
        "6.2.4 is rocm-6.2.4",
        f"{said} `rocmswitch use rocm-6.2.4 --venv NAME`",
    ]
    assert f"{said} `rocmswitch use demo`" in after.err


def test_the_total_counts_what_is_here_already_once(line: CommandLine) -> None:
    line.succeed("use", STACK, "--venv", "first", "--yes")

    seen = totals(line.at_terminal("use", OTHER, "--venv", "second", "--yes").out)

    assert seen
    assert all(done <= whole for done, whole in seen)
