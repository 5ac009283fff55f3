"""Several processes at once: one works and the others wait, or work on something else, and both succeed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.disk import HastyDisk, remove_folder
from tests.support.faults import Hands, assert_sound, assert_tidy
from tests.support.keys import KeyFolder
from tests.support.running import Running
from tests.support.server import Fault
from tests.support.tinystack import OTHER, TINY, TinyServer

UNPACKING = "create .*/prefixes/.trees/"
UNPACKED = "create .*files.json"
"""When nothing is downloaded any more, which other stacks may need too."""
INSTALL = ("install", TINY, "--yes")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyServer]:
    with KeyFolder() as keys, TinyServer(tmp_path_factory.mktemp("served"), keys.modern()) as served:
        yield served


@pytest.fixture
def line(served: TinyServer, tmp_path: Path) -> Iterator[CommandLine]:
    line = CommandLine(tmp_path, {"PIP_INDEX_URL": served.index})
    served.furnish(line.layout, TINY, OTHER)
    yield line
    served.server.behave()
    remove_folder(line.folder / "rocmswitch")


def fetched(served: TinyServer) -> dict[str, int]:
    return {path: len(served.server.asked(path)) for path in served.archives()}


def added(before: dict[str, int], after: dict[str, int]) -> list[int]:
    return sorted(count - before[path] for path, count in after.items() if count > before[path])


def test_of_two_that_install_the_same_one_waits_and_finds_it_done(line: CommandLine, served: TinyServer) -> None:
    before = fetched(served)
    first = Running.start(line, *INSTALL, slow_from=UNPACKING, halts=True)
    with first.while_halted():
        second = Running.start(line, *INSTALL)
        said = second.said_until("waiting")

    assert (first.finish().code, second.finish().code) == (0, 0)
    assert f"another rocmswitch (process {first.process.pid}) is working on `{TINY}`: waiting" in said
    assert added(before, fetched(served)) == [1, 1]
    assert assert_sound(line.layout).keys() == {TINY}
    assert_tidy(line.layout)


def test_two_that_start_at_the_same_moment_fetch_each_archive_once(line: CommandLine, served: TinyServer) -> None:
    before = fetched(served)

    both = [Running.start(line, *INSTALL), Running.start(line, *INSTALL)]

    assert [one.finish().code for one in both] == [0, 0]
    assert added(before, fetched(served)) == [1, 1]
    assert assert_sound(line.layout).keys() == {TINY}
    assert_tidy(line.layout)


def test_who_does_not_want_to_wait_ends_with_75(line: CommandLine) -> None:
    first = Running.start(line, *INSTALL, slow_from=UNPACKED, halts=True)
    with first.while_halted():
        hurried = line.run("--wait", "0.1", *INSTALL)

    assert (hurried.code, hurried.error) == (
        75,
        f"another rocmswitch (process {first.process.pid}) is working on `{TINY}`",
    )
    assert first.finish().code == 0


def test_who_waits_can_be_interrupted(line: CommandLine, served: TinyServer) -> None:
    for path in served.archives():
        served.server.misbehave(path, Fault(stall_after=100))
    first = Running.start(line, *INSTALL, slow_from="create .*/cache/partial/")
    first.wait_until_slow()
    waiting = Running.start(line, *INSTALL)
    said = waiting.said_until("waiting")

    ended = waiting.end(signal.SIGINT)

    assert (ended.code, ended.err.splitlines()[-1]) == (130, "interrupted: nothing was left half-done")
    assert " is working on " in said
    assert first.process.poll() is None
    assert first.end(signal.SIGINT).code == 130


def test_removed_while_it_is_installed_again_it_is_there_whole_or_gone(
    line: CommandLine, served: TinyServer
) -> None:
    Hands(line.layout, HastyDisk(), served.index).install()
    adding = Running.start(line, "install", TINY, "--set", "compiler", "--yes", slow_from=UNPACKING)
    adding.wait_until_slow()

    removed = line.run("remove", TINY, "--yes")

    assert (adding.finish().code, removed.code) == (0, 0)
    assert assert_sound(line.layout) == {}
    assert_tidy(line.layout)


def test_another_stack_is_not_waited_for(line: CommandLine, served: TinyServer) -> None:
    first = Running.start(line, *INSTALL, slow_from=UNPACKED, halts=True)
    with first.while_halted():
        second = line.run("--wait", "0", "install", OTHER, "--yes")

    assert second.code == 0
    assert first.finish().code == 0
    assert assert_sound(line.layout).keys() == {TINY, OTHER}
    assert_tidy(line.layout)


def test_two_environments_are_made_at_once(line: CommandLine, served: TinyServer) -> None:
    Hands(line.layout, HastyDisk(), served.index).install()

    both = [Running.start(line, "use", TINY, "--venv", name, "--yes") for name in ("one", "two")]

    assert [one.finish().code for one in both] == [0, 0]
    assert assert_sound(line.layout).keys() == {TINY, "one", "two"}
    assert_tidy(line.layout)


def test_a_slow_download_of_one_is_shared_by_the_other(line: CommandLine, served: TinyServer) -> None:
    for path in served.archives():
        served.server.misbehave(path, Fault(bytes_per_second=8_000))
    before = fetched(served)

    both = [Running.start(line, "install", name, "--yes") for name in (TINY, OTHER)]

    assert [one.finish().code for one in both] == [0, 0]
    assert added(before, fetched(served)) == [1, 1]
    assert assert_sound(line.layout).keys() == {TINY, OTHER}
