"""What is said of a bundle's own content: it is in the bundle, and nothing of it is downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.acme import NAME
from tests.support.commandline import CommandLine


@pytest.fixture
def bundle(line: CommandLine, tmp_path: Path) -> Path:
    path = tmp_path / "acme.tar"
    line.succeed("bundle", "create", NAME, "--venv", "--set", "compiler", "-o", str(path), "--yes")
    return path


@pytest.fixture
def other(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "another machine", {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"})


@pytest.mark.parametrize(
    "words", (("bundle", "install"), ("install", NAME, "--from"), ("use", NAME, "--venv", "demo", "--from"))
)
def test_what_a_bundle_brings_is_not_said_to_be_downloaded(
    words: tuple[str, ...], other: CommandLine, bundle: Path
):
    outcome = other.run(*words, str(bundle), "--dry-run")

    assert outcome.code == 0, outcome
    assert "B from the bundle; " in outcome.err or "bytes from the bundle; " in outcome.err
    assert not [word for word in ("download", "fetch", "your own index") if word in outcome.err]


def test_what_a_server_has_is_still_said_to_be_downloaded(line: CommandLine):
    assert " to download; " in line.run("install", NAME, "--dry-run").err


def test_an_environment_asks_of_its_wheels_and_of_its_prefix_what_is_required(other: CommandLine, bundle: Path):
    outcome = other.run("use", NAME, "--venv", "demo", "--from", str(bundle), "--require", "signed", "--yes")

    assert (outcome.code, outcome.error) == (5, "`demo` is only `pinned`, and `signed` is required")
    assert not other.layout.prefixes.exists()


def test_the_command_for_an_environment_that_was_not_asked_for_is_told(other: CommandLine, bundle: Path):
    way = f"`rocmswitch bundle install {bundle} --venv NAME`"

    shown, done = other.run("bundle", "show", str(bundle)), other.run("bundle", "install", str(bundle), "--dry-run")

    assert shown.err.endswith(f"next: `rocmswitch bundle install {bundle}`, or {way}, with an environment\n")
    assert done.err.endswith(f"the bundle has an environment too, which was not asked for: {way} makes it\n")
    asked = other.run("bundle", "install", str(bundle), "--venv", "demo", "--dry-run")
    assert "not asked for" not in asked.err


def test_the_prefix_is_not_made_where_the_environment_would_be_refused(other: CommandLine, bundle: Path):
    words = ("bundle", "install", str(bundle), "--venv", "demo", "--require", "signed")

    outcome = other.run(*words, "--yes")

    assert (outcome.code, outcome.error) == (5, "`demo` is only `pinned`, and `signed` is required")
    assert not other.layout.prefixes.exists()
