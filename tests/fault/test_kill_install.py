"""The real program, killed and interrupted while it installs: the old state or the new one, nobody left behind."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.store.layout import Layout
from tests.support.commandline import CommandLine
from tests.support.disk import HastyDisk, remove_folder
from tests.support.faults import Hands, assert_sound, assert_tidy
from tests.support.keys import KeyFolder
from tests.support.running import Running
from tests.support.server import Fault
from tests.support.tinystack import TINY, TinyServer

ROUNDS = 40
INSTALL = ("install", TINY, "--set", "libraries", "--yes")
PHASES = {
    "index": "",
    "download": "create .*/cache/partial/",
    "unpack": "create .*/share/",
    "relocate": "(edit|rename) .*/plugins/",
    "publish": "set_mode .*/plugins/",
    "receipt": "create .*receipt.json",
}
"""By which change of the disk a phase is known; the index is known by what the server is asked."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyServer]:
    with (
        KeyFolder() as keys,
        TinyServer(tmp_path_factory.mktemp("served"), keys.modern(), plugins=30) as served,
    ):
        yield served


@pytest.fixture
def line(served: TinyServer, tmp_path: Path) -> Iterator[CommandLine]:
    """Somebody who has the runtime set, and wants the libraries too."""
    line = CommandLine(tmp_path)
    served.furnish(line.layout)
    hands(line.layout, served).install()
    yield line
    served.server.behave()
    remove_folder(line.folder / "rocmswitch")


def hands(layout: Layout, served: TinyServer) -> Hands:
    return Hands(layout, HastyDisk(), served.index)


def reach(phase: str, line: CommandLine, served: TinyServer) -> Running:
    """The program in *phase* of the installation, which then goes on slowly."""
    server = served.server
    if phase == "index":
        server.misbehave("apt/dists/stable/InRelease", Fault(stall_before_answer=True))
        asked = len(server.asked("apt/dists/stable/InRelease"))
        running = Running.start(line, *INSTALL)
        running.wait_until(lambda: len(server.asked("apt/dists/stable/InRelease")) > asked)
        return running
    if phase == "download":
        for path in served.archives():
            server.misbehave(path, Fault(stall_after=100))
    running = Running.start(line, *INSTALL, slow_from=PHASES[phase])
    running.wait_until_slow()
    return running


@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c_ends_it_in_the_old_state_with_one_line(phase: str, line: CommandLine, served: TinyServer) -> None:
    before = assert_sound(line.layout)
    running = reach(phase, line, served)

    ended = running.end(signal.SIGINT)

    assert (ended.code, ended.err.splitlines()[-1]) == (130, "interrupted: nothing was left half-done")
    assert "Traceback" not in ended.err
    assert ended.left == ()
    assert assert_sound(line.layout) == before
    go_on(line, served)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGKILL), ids=("SIGTERM", "SIGKILL"))
def test_killed_in_any_phase_the_next_command_finds_the_old_state(
    phase: str, number: int, line: CommandLine, served: TinyServer
) -> None:
    before = assert_sound(line.layout)
    running = reach(phase, line, served)

    ended = running.end(number)

    assert (ended.code, ended.left) == (-number, ())
    assert assert_sound(line.layout) == before
    go_on(line, served)


def go_on(line: CommandLine, served: TinyServer) -> None:
    """The next commands succeed, and leave nothing of what was interrupted."""
    served.server.behave()
    assert line.run("list").code == 0
    hands(line.layout, served).install("libraries")
    hands(line.layout, served).sweep()
    assert assert_sound(line.layout).keys() == {TINY}
    assert_tidy(line.layout)


def test_after_forty_kills_at_random_moments_each_next_command_found_the_old_state_or_the_new(
    line: CommandLine, served: TinyServer
) -> None:
    chance, outcomes = random.Random(4711), {"old": 0, "new": 0}
    for path in served.archives():
        served.server.misbehave(path, Fault(bytes_per_second=40_000))
    start = time.monotonic()
    assert Running.start(line, *INSTALL).finish().code == 0
    longest = (time.monotonic() - start) * 1.1

    for number in range(ROUNDS):
        hands(line.layout, served).purge()
        if number % 2:
            hands(line.layout, served).cache().prune(())
        running = Running.start(line, *INSTALL)
        time.sleep(chance.uniform(0, longest))
        running.end(signal.SIGKILL)
        found = "new" if assert_sound(line.layout) else "old"
        outcomes[found] += 1
        longest *= 0.9 if found == "new" else 1.05  # the machine may be busier now than it was then

    print(f"{ROUNDS} kills: {outcomes}")
    assert all(outcomes.values())
    go_on(line, served)
