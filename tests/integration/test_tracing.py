"""That a fault comes exactly where it is meant to come: on a command that writes a few files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.tracelines import Call
from tests.support.tracing import Fault, frozen, hit, mutating_calls, need_tracing

INIT = ("init", "bash", "--install", "--yes")


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    need_tracing()
    return frozen(CommandLine(tmp_path / "account"), tmp_path / "program")


@pytest.fixture
def calls(line: CommandLine, tmp_path: Path) -> tuple[Call, ...]:
    """What `INIT` does; another person's home is left as it was."""
    other = CommandLine(tmp_path / "another", line.environment)
    other.home.mkdir(parents=True)
    line.home.mkdir(parents=True)
    return mutating_calls(other, *INIT)


def test_every_change_is_found_and_nothing_else(calls: tuple[Call, ...]) -> None:
    names = [call.name for call in calls]

    assert [call.arguments for call in calls if call.name.startswith("rename")] == [
        '"~/rocmswitch/data/shell/.hook.bash.#.new", "~/rocmswitch/data/shell/hook.bash"',
        '"~/home/..bashrc.#.new", "~/home/.bashrc"',
    ]
    assert set(names) <= {"mkdir", "openat", "fchmod", "write", "fsync", "rename"}
    assert not [call for call in calls if call.name == "openat" and "O_CREAT" not in call.arguments]


def test_the_call_that_is_hit_does_not_happen_and_those_before_it_did(
    calls: tuple[Call, ...], line: CommandLine
) -> None:
    last = [call for call in calls if call.name.startswith("rename")][-1]

    outcome = hit(line, last, Fault.KILL, *INIT)

    assert outcome.code == -9
    assert (line.layout.data / "shell/hook.bash").exists()
    assert [path.suffix for path in line.home.iterdir()] == [".new"]


def test_a_full_disk_is_met_at_each_call(calls: tuple[Call, ...], tmp_path: Path, line: CommandLine) -> None:
    ended = []
    for number, call in enumerate(calls):
        person = CommandLine(tmp_path / f"person{number}", line.environment)
        ended.append(hit(person, call, Fault.FULL, *INIT).code)

    assert ended == [6] * len(calls)


def test_a_call_that_is_never_reached_is_a_mistake_of_the_test(line: CommandLine) -> None:
    with pytest.raises(AssertionError, match="was meant, hit was \\[\\]"):
        hit(line, Call("rename", 1000), Fault.KILL, *INIT)
