"""`use --accept` with a hash that fits nothing: said before anything is made, not passed over."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.pytorchsite import PytorchSite

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
STACK, INDEX = "rocm-6.2.4", "whl/rocm6.2.4"
USE = ("use", STACK, "--venv", "demo", "--yes")
STRAY = "0" * 64
FITS_NONE = f"`--accept` names the hash `{STRAY}`, and none of the wheels has that"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path / "site", pythons=(TAG,)) as site:
        yield site


@pytest.fixture
def line(site: PytorchSite, tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path, {"PIP_INDEX_URL": site.simple})
    site.let(line, STACK)
    return line


@pytest.mark.parametrize("hashed", (True, False), ids=("index with hashes", "index without"))
def test_a_hash_of_no_wheel_is_told_and_nothing_is_made(hashed: bool, line: CommandLine, site: PytorchSite):
    index = site.served(INDEX)
    index.hashed = hashed
    index.write_pages()

    outcome = line.run(*USE, "--accept", STRAY)

    assert (outcome.code, outcome.error) == (2, FITS_NONE), outcome
    assert "without `--accept`" in outcome.hint
    assert not (line.layout.venvs / "demo").exists()


def test_an_environment_that_is_there_is_not_taken_for_one_with_the_hash(line: CommandLine):
    line.succeed(*USE)

    outcome = line.run(*USE, "--accept", STRAY)

    assert (outcome.code, outcome.error) == (
        5,
        f"the environment `demo` is there, and no wheel of it has the hash `{STRAY}`",
    )
    assert f"`rocmswitch use {STACK} --venv demo --rebind --accept {STRAY}`" in outcome.hint


def test_a_lock_leaves_nothing_to_accept(line: CommandLine):
    outcome = line.run(*USE, "--locked", "any.lock", "--accept", STRAY)

    assert (outcome.code, outcome.error) == (
        2,
        "`--accept` and a lock exclude each other: the lock says every hash",
    )


def test_what_is_for_an_environment_is_refused_where_the_pin_names_none(line: CommandLine):
    line.home.mkdir(exist_ok=True)
    (line.home / ".rocm-version").write_text(f"{STACK}\n")

    outcome = line.run("use", "--torch", "2.6.0")

    assert (outcome.code, outcome.error) == (2, "`--torch` is for an environment, which `--venv NAME` names")


def test_words_about_an_environment_that_is_named_in_the_place_of_a_stack_are_put_right(line: CommandLine):
    line.succeed(*USE)

    outcome = line.run("use", "demo", "--torch", "2.6.0", "--rebind")

    assert outcome.code == 2
    assert outcome.hint == f"run `rocmswitch use {STACK} --venv demo --torch 2.6.0 --rebind`"
