"""The probe is killed while an operation hangs: what it has started ends with it."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from rocmswitch.system.descendants import descendants
from rocmswitch.system.temporary import temporary_folder
from tests.support.brokentorch import broken_torch, hangs
from tests.support.commandline import CommandLine
from tests.support.running import Running

PATIENCE = 120.0
HANGING = "activations-relu-float32-backward"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_what_the_probe_has_started_ends_with_it(tmp_path: Path, number: signal.Signals):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    line = CommandLine(tmp_path, {"TMPDIR": str(temporary)})
    line.home.mkdir(exist_ok=True)
    venv = broken_torch(tmp_path / "venv", relu="hang")
    words = ("probe", str(venv), "--device", "cpu", "--ops", HANGING, "--deadline", "10000")
    running = Running.start(line, *words)
    running.wait_until(lambda: hangs(venv), PATIENCE)
    started = [one.number for one in descendants(running.process.pid)]

    running.end(number)

    assert len(started) == 2, "the one that has imported torch, and the one that hangs"
    until = time.monotonic() + PATIENCE
    while left := [one for one in started if _runs(one)]:
        assert time.monotonic() < until, left
        time.sleep(0.05)
    with temporary_folder(temporary) as folder:
        assert list(temporary.glob("rocmswitch-*")) == [folder]


def _runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
