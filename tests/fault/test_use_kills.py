"""`use --venv`, killed and interrupted while uv works for it: uv does not go on alone, the next one succeeds."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.disk import HastyDisk, remove_folder
from tests.support.faults import Hands, assert_sound, assert_tidy
from tests.support.keys import KeyFolder
from tests.support.running import Running
from tests.support.tinystack import TINY, TinyServer

USE = ("use", TINY, "--venv", "demo", "--yes")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyServer]:
    folder = tmp_path_factory.mktemp("served")
    with KeyFolder() as keys, TinyServer(folder, keys.modern(), modules=500) as served:
        yield served


@pytest.fixture
def line(served: TinyServer, tmp_path: Path) -> Iterator[CommandLine]:
    """Somebody who has the prefix, but no environment."""
    line = CommandLine(tmp_path, {"PIP_INDEX_URL": served.index})
    served.furnish(line.layout)
    Hands(line.layout, HastyDisk(), served.index).install()
    yield line
    remove_folder(line.folder / "rocmswitch")


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
def test_uv_ends_with_the_command_that_it_works_for(number: int, line: CommandLine, served: TinyServer) -> None:
    before = assert_sound(line.layout)
    running = Running.start(line, *USE)
    running.wait_until(lambda: running.freeze("bin/uv ", " install "))

    ended = running.end(number)

    assert ended.code == (130 if number == signal.SIGINT else -number)
    running.wait_until_alone()
    assert assert_sound(line.layout) == before
    assert line.run(*USE).code == 0
    assert assert_sound(line.layout).keys() == {TINY, "demo"}
    assert_tidy(line.layout)
    demo = line.layout.venvs / "demo/bin/python"
    said = subprocess.run([demo, "-c", "import hello; print(hello.words)"], capture_output=True, check=True).stdout
    assert said == b"hello\n"
