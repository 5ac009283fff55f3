"""A change that was broken off: changing commands take it back first and say so, reading ones only tell of it."""

from __future__ import annotations

import contextlib
import fcntl

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.operations import remove
from rocmswitch.store.installed import Installed
from rocmswitch.store.trees import Trees
from tests.support.acme import NAME
from tests.support.changes import CutBeforeRecording
from tests.support.commandline import CommandLine
from tests.support.disk import PowerCut
from tests.support.furnished import environment, prefix

PENDING = "a change was interrupted: `rocmswitch history` takes it back\n"
TAKEN_BACK = "took back a change that was interrupted: remove rocm-6.2.4\n"


@pytest.fixture
def line(line: CommandLine) -> CommandLine:
    """The power was cut while `rocm-6.2.4` was removed: its name is gone, and nothing is recorded."""
    for name in ("rocm-6.2.4", "rocm-6.1.0"):
        prefix(line.layout, name)
        line.succeed("use", name, "--shell", "sh")
    environment(line.layout, "proj", "rocm-6.1.0", bound=False)
    layout, disk = line.layout, CutBeforeRecording()
    with pytest.raises(PowerCut):
        remove.execute(
            remove.plan("rocm-6.2.4", Installed((layout,))),
            Trees(layout.prefixes, layout.locks, disk),
            Ledger(layout, disk),
            disk,
        )
    assert is_pending(line) and not (layout.prefixes / "rocm-6.2.4").is_symlink()
    return line


def is_pending(line: CommandLine) -> bool:
    return line.layout.open_journal.exists()


@pytest.mark.parametrize(
    "words", [("list",), ("show", "rocm-6.1.0"), ("current",), ("verify", "rocm-6.1.0"), ("venv", "list")], ids=str
)
def test_a_reading_command_tells_of_it_and_leaves_it(line: CommandLine, words: tuple[str, ...]):
    outcome = line.run(*words)

    assert (outcome.code, outcome.err.count(PENDING), is_pending(line)) == (0, 1, True), outcome


@pytest.mark.parametrize(
    "words",
    [("env", "rocm-6.1.0"), ("which", "hipcc", "rocm-6.1.0"), ("run", "rocm-6.1.0", "--", "hipcc")],
    ids=str,
)
def test_what_scripts_call_says_nothing_of_it(line: CommandLine, words: tuple[str, ...]):
    outcome = line.run(*words)

    assert (outcome.code, outcome.err, is_pending(line)) == (0, "", True)


@pytest.mark.parametrize(
    "words",
    [
        ("install", NAME, "--yes"),
        ("use", NAME, "--yes"),
        ("use", "rocm-6.1.0", "--default", "--shell", "sh"),
        ("use", "system", "--default", "--shell", "sh"),
        ("repair", "rocm-6.1.0", "--yes"),
        ("remove", "rocm-6.1.0", "--yes"),
        ("remove", "rocm-6.2.4", "--yes"),
        ("venv", "remove", "proj", "--yes"),
        ("backup", "prune", "--yes"),
        ("init", "bash", "--install", "--yes"),
        ("history",),
    ],
    ids=str,
)
def test_a_changing_command_takes_it_back_first(line: CommandLine, words: tuple[str, ...]):
    outcome = line.run(*words)

    assert (outcome.code, outcome.err.count(TAKEN_BACK), is_pending(line)) == (0, 1, False), outcome
    there = (line.layout.prefixes / "rocm-6.2.4").is_symlink()
    assert there == (words[:2] != ("remove", "rocm-6.2.4"))


@pytest.mark.parametrize("words", [("remove", "rocm-6.1.0"), ("install", NAME), ("backup", "prune")], ids=str)
def test_a_dry_run_only_tells_of_it(line: CommandLine, words: tuple[str, ...]):
    outcome = line.run(*words, "--dry-run")

    assert (outcome.code, PENDING in outcome.err, is_pending(line)) == (0, True, True), outcome


def test_scripts_that_another_command_swept_meanwhile_are_there_again(line: CommandLine):
    script = line.layout.activations / "rocm-6.2.4.sh"
    before = script.read_text()
    script.unlink()

    line.succeed("remove", "rocm-6.1.0", "--yes")

    assert script.read_text() == before


def test_no_sweep_takes_a_tree_while_it_is_pending(line: CommandLine):
    line.succeed("cache", "prune", "--yes")

    assert is_pending(line)
    line.succeed("history")
    assert line.succeed("run", "rocm-6.2.4", "--", "hipcc") == "hipcc of rocm-6.2.4\n"


def test_nothing_is_told_while_somebody_is_just_making_the_change(line: CommandLine):
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context((line.layout.locks / "changes.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)

        reading = line.run("list")
        changing = line.run("--wait", "0", "remove", "rocm-6.1.0", "--yes")

    assert (reading.code, "interrupted" in reading.err) == (0, False), reading
    assert (changing.code, is_pending(line)) == (75, True)


def test_scripts_of_a_removal_that_was_killed_after_it_was_recorded_go_with_the_next_command(line: CommandLine):
    line.succeed("history")
    (line.layout.prefixes / "rocm-6.2.4").unlink()

    line.succeed("backup", "prune", "--yes")

    assert not list(line.layout.activations.glob("rocm-6.2.4.*"))


def test_what_somebody_else_has_changed_meanwhile_is_left_alone_and_named(line: CommandLine):
    link = line.layout.prefixes / "rocm-6.2.4"
    link.symlink_to("/somewhere/else")

    outcome = line.run("remove", "rocm-6.1.0", "--yes")

    assert "not what somebody else has changed since: `rocmswitch history 1` shows it\n" in outcome.err, outcome
    assert str(link.readlink()) == "/somewhere/else"
