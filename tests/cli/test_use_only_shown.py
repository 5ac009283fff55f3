"""`use --dry-run` and `use --json`: what was only to be shown is not entered, left, pinned or made the default."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.keys import SigningKey

WHAT = [(NAME,), ("system",)]
WRITES = "writes {}, which asked for other before"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Iterator[CommandLine]:
    """Somebody with a stack, a pin that asks for another, and no default."""
    folder = tmp_path_factory.mktemp("kept")
    with AcmeSite(folder / "server", key) as site:
        line = site.person(folder)
        line.succeed("install", NAME, "--yes")
        pin(line).write_text("other\n")
        yield line


def pin(line: CommandLine) -> Path:
    line.home.mkdir(exist_ok=True)
    return line.home / ".rocm-version"


def scripts(line: CommandLine) -> list[str]:
    return sorted(path.name for path in line.layout.activations.iterdir())


@pytest.mark.parametrize("words", [*WHAT, ("--off",)], ids=str)
@pytest.mark.parametrize("how", ["--dry-run", "--json"])
def test_no_line_is_written_that_a_shell_would_obey(kept: CommandLine, words: tuple[str, ...], how: str):
    outcome = kept.run("use", *words, how, "--shell", "bash")

    assert (outcome.code, outcome.out) == (0, "null\n" if how == "--json" else ""), outcome


@pytest.mark.parametrize("words", WHAT, ids=str)
def test_a_dry_run_says_what_it_would_pin_and_make_the_default_and_does_neither(
    kept: CommandLine, words: tuple[str, ...]
):
    before = scripts(kept)

    outcome = kept.run("use", *words, "--pin", "--default", "--dry-run")

    told = "use acme-1.0" if words == (NAME,) else "start without a stack"
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err.splitlines()[-2:] == [f"new shells will {told}", WRITES.format(pin(kept))]
    assert (pin(kept).read_text(), scripts(kept)) == ("other\n", before)


def test_a_dry_run_of_what_is_missing_says_what_it_would_pin(kept: CommandLine):
    outcome = kept.run("use", NAME, "--venv", "demo", "--pin", "--default", "--dry-run")

    assert outcome.err.splitlines()[-2:] == ["new shells will use demo", WRITES.format(pin(kept))], outcome
    assert pin(kept).read_text() == "other\n"


@pytest.mark.parametrize("words", WHAT, ids=str)
def test_a_program_may_pin_and_set_the_default(line: CommandLine, words: tuple[str, ...]):
    line.succeed("install", NAME, "--yes")

    outcome = line.run("use", *words, "--pin", "--default", "--json")

    assert (outcome.code, json.loads(outcome.out)) == (0, None), outcome
    assert pin(line).read_text() == f"{words[0]}\n"
    assert ("default.sh" in scripts(line)) == (words == (NAME,))


def test_what_a_pin_asked_for_before_is_said(line: CommandLine):
    line.succeed("install", NAME, "--yes")
    pin(line).write_text("6.2\nmine\n")

    outcome = line.run("use", NAME, "--pin", "--shell", "sh")
    again = line.run("use", NAME, "--pin", "--shell", "sh")

    assert f"wrote {pin(line)}, which asked for 6.2 and the environment mine before\n" in outcome.err
    assert f"wrote {pin(line)}\n" in again.err


def test_a_wish_that_is_fulfilled_already_is_said_to_be(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")

    outcome = line.run("use", NAME, "--venv", "demo", "--python", sys.executable, "--dry-run")

    assert (outcome.code, outcome.err) == (0, "demo is there: nothing has to be made\n"), outcome
