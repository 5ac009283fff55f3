"""What changes files asks first: at a terminal by a question, elsewhere by an error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.keys import SigningKey
from tests.support.server import Fault
from tests.support.trees import replace_content

CHANGES = [
    ("install", NAME, "--set", "compiler"),
    ("use", NAME, "--venv", "second"),
    ("remove", "demo"),
    ("venv", "remove", "demo"),
    ("repair", NAME),
    ("cache", "prune", "--all"),
]


@pytest.fixture
def line(line: CommandLine) -> CommandLine:
    return with_something_to_do(line)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Iterator[CommandLine]:
    """One for all tests after which everything is as it was, which each of them holds."""
    folder = tmp_path_factory.mktemp("kept")
    with AcmeSite(folder / "server", key) as site:
        yield with_something_to_do(site.person(folder))


def with_something_to_do(line: CommandLine) -> CommandLine:
    """With a damaged stack and an environment, so that every command changes something."""
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    (line.layout.prefixes / NAME / "usr/bin").chmod(0o755)
    return line


def listing(line: CommandLine) -> dict[str, int]:
    """Every path and when it was changed: but for indexes, locks and seen dates, which planning may write."""
    ours = line.folder / "rocmswitch"
    planning = {"indexes", "locks", "seen"}
    return {
        str(path.relative_to(ours)): path.lstat().st_mtime_ns
        for path in ours.rglob("*")
        if not planning & set(path.relative_to(ours).parts) and not path.is_dir()
    }


@pytest.mark.parametrize("words", CHANGES, ids=lambda words: words[0])
def test_without_a_terminal_it_is_refused(kept: CommandLine, words: tuple[str, ...]):
    before = listing(kept)

    outcome = kept.run(*words)

    assert (outcome.code, listing(kept)) == (5, before)
    assert outcome.error == "this changes files and needs your consent"
    assert outcome.hint == "run the same command with `--yes`"


@pytest.mark.parametrize("words", CHANGES, ids=lambda words: words[0])
def test_no_leaves_everything_as_it_was(kept: CommandLine, words: tuple[str, ...]):
    before = listing(kept)

    outcome = kept.at_terminal(*words, answers="n\n")

    assert (outcome.code, listing(kept)) == (5, before)
    assert outcome.error == "nothing was changed"


@pytest.mark.parametrize("words", CHANGES, ids=lambda words: words[0])
def test_interrupting_the_question_leaves_everything_as_it_was(kept: CommandLine, words: tuple[str, ...]):
    before = listing(kept)

    outcome = kept.at_terminal(*words, answers="\x03")

    assert (outcome.code, listing(kept)) == (130, before)
    assert outcome.out.endswith("^C\ninterrupted: nothing was left half-done\n")


@pytest.mark.parametrize("words", CHANGES, ids=lambda words: words[0])
def test_a_dry_run_changes_nothing_and_asks_nothing(kept: CommandLine, words: tuple[str, ...]):
    before = listing(kept)

    outcome = kept.at_terminal(*words, "--dry-run")

    assert (outcome.code, listing(kept)) == (0, before)
    assert "[Y/n]" not in outcome.out


def test_the_return_key_agrees(line: CommandLine):
    outcome = line.at_terminal("remove", "demo", answers="\n")

    assert outcome.code == 0
    assert "removed demo" in outcome.out
    assert not Path(line.layout.venvs / "demo").exists()


def test_a_terminal_sees_the_progress_of_downloads(line: CommandLine, site: AcmeSite):
    line.succeed("cache", "prune", "--all", "--yes")
    replace_content(line.layout.prefixes / NAME / "usr/bin/greet", b"echo")
    site.server.misbehave(site.archive("acme-tools"), Fault(bytes_per_second=2000))

    outcome = line.at_terminal("repair", NAME, answers="y\n")

    assert outcome.code == 0
    assert "acme-tools" in outcome.out and "total" in outcome.out and "━" in outcome.out


def test_a_dry_run_prints_no_line_that_enters(line: CommandLine):
    line.succeed("install", NAME, "--yes")

    outcome = line.run("use", NAME, "--dry-run")

    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == f"{NAME} is there: nothing has to be made\n"


def test_a_python_without_an_environment_is_a_mistake(line: CommandLine):
    outcome = line.run("use", NAME, "--python", "3.11", "--yes")

    assert (outcome.code, outcome.error) == (2, "`--python` is for an environment, which `--venv NAME` names")


def test_a_dry_run_tells_that_the_prefix_of_an_environment_is_gone(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    (line.layout.prefixes / NAME).unlink()

    outcome = line.run("use", "demo", "--dry-run")

    assert (outcome.code, outcome.error) == (3, f"`demo` needs `{NAME}`, which is not installed")
