"""Wheels whose hash nobody states, when the download of one is killed or interrupted: nothing half is trusted."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.store.receipts import read_receipt
from tests.support.commandline import CommandLine
from tests.support.pytorchsite import PytorchSite
from tests.support.running import Running
from tests.support.server import Fault

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
STACK = "rocm-5.7.1"
USE = ("use", STACK, "--venv", "demo", "--yes")

pytestmark = pytest.mark.skipif(int(TAG[3:]) >= 13, reason="torch 2.3 exists for no Python as new as this one")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path / "site", pythons=(TAG,)) as site:
        yield site


@pytest.fixture
def line(site: PytorchSite, tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path, {"PIP_INDEX_URL": site.simple})
    site.let(line, STACK)
    return line


def sizes(folder: Path) -> list[int]:
    """Of the files in *folder*, which come and go."""
    found = []
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            found.append(path.stat().st_size)
    return found


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
def test_the_next_command_succeeds_and_takes_the_hash_of_the_whole_file(
    number: int, line: CommandLine, site: PytorchSite
) -> None:
    wheel = next((site.folder / "whl/rocm5.7").glob(f"torch-2.3.1*-{TAG}-*.whl"))
    address = str(wheel.relative_to(site.folder))
    # The first answer is for its table of contents, the second one is the download.
    site.server.misbehave(address, Fault(times=1), Fault(stall_after=5000))
    running = Running.start(line, *USE)
    running.wait_until(lambda: 5000 in sizes(line.layout.partial))

    ended = running.end(number)

    assert ended.code == (130 if number == signal.SIGINT else -number)
    assert not (line.layout.venvs / "demo").exists()
    assert not [one for one in (line.layout.seen / "wheels").glob("*") if wheel.name[:11] in one.read_text()]
    site.server.behave()
    assert line.run(*USE).code == 0
    torch = next(one for one in read_receipt(line.layout.venvs / "demo").packages if one.name == "torch")
    assert torch.size == wheel.stat().st_size
    assert (line.layout.archives / torch.sha256).read_bytes() == wheel.read_bytes()
    assert not [one for one in line.layout.partial.iterdir() if one.suffix != ".lock"]
