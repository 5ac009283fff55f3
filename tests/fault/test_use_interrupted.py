"""`use --venv` for a stack with PyTorch, killed, interrupted, and on a disk that runs full, in each phase."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.store.intact import changes
from tests.support.commandline import CommandLine
from tests.support.disk import remove_folder
from tests.support.faults import assert_sound, assert_tidy
from tests.support.filesystems import fill
from tests.support.links import cache_unchanged
from tests.support.running import Running
from tests.support.smalltorch import STACK, SmallTorch

MEGABYTE = 1024 * 1024
USE = ("use", STACK, "--venv", "demo", "--yes")
PHASES = {
    "download": "create .*/cache/partial/",
    "links for uv": "symlink .*/uv/wheels/",
    "protection": "create .*/.constraints.txt",
    "what is known": "create .*/uv/known/",
    "stack flag": "create .*/.libamdhip64.so",
    "list": "create .*/files.json",
    "receipt": "create .*receipt.json",
    "publish": "rename .*/venvs/.demo",
}
"""By which change of the disk a phase is known."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallTorch]:
    with SmallTorch(tmp_path_factory.mktemp("served"), modules=40) as served:
        yield served


@pytest.fixture
def line(served: SmallTorch, tmp_path: Path) -> Iterator[CommandLine]:
    """Somebody with one environment, who wants a second."""
    line = CommandLine(tmp_path, {"PIP_INDEX_URL": served.simple})
    with mounted(tmp_path / "rocmswitch", 60 * MEGABYTE):
        served.furnish(line.layout)
        line.succeed("use", STACK, "--venv", "first", "--yes")
        yield line
        remove_folder(line.layout.data)


@contextlib.contextmanager
def mounted(folder: Path, size: int) -> Iterator[None]:
    """A file system of *size* bytes at *folder*; an ordinary folder where none can be mounted."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, check=False) if os.geteuid() == 0 else None
    yield
    if done is not None and not done.returncode:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def forget_wheels(line: CommandLine) -> None:
    """The next environment downloads, hashes and compiles, as the first one did."""
    line.succeed("cache", "prune", "--yes")
    for name in ("sha256", "uv"):
        remove_folder(line.layout.cache / name)


def in_phase(phase: str, line: CommandLine) -> Running:
    forget_wheels(line)
    running = Running.start(line, *USE, slow_from=PHASES[phase])
    running.wait_until_slow()
    return running


def go_on(line: CommandLine) -> None:
    line.succeed(*USE)
    assert assert_sound(line.layout).keys() == {"first", "demo"}
    assert changes(line.layout.venvs / "demo", thorough=True) == ()
    assert_tidy(line.layout)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGKILL), ids=("SIGINT", "SIGKILL"))
def test_stopped_in_any_phase_the_next_command_finds_all_or_nothing(
    phase: str, number: int, line: CommandLine
) -> None:
    running = in_phase(phase, line)

    ended = running.end(number)

    running.wait_until_alone()
    assert ended.code == (130 if number == signal.SIGINT else -number), ended.err
    assert "Traceback" not in ended.err
    assert assert_sound(line.layout).keys() in ({"first"}, {"first", "demo"})
    with cache_unchanged(line.layout.cache / "uv"):
        go_on(line)


@pytest.mark.parametrize("phase", [one for one in PHASES if one != "publish"])
def test_a_disk_that_runs_full_leaves_what_was_there_and_says_so(phase: str, line: CommandLine) -> None:
    if not os.path.ismount(line.folder / "rocmswitch"):
        pytest.skip("only root, and not in every container, may mount a small file system")
    running = in_phase(phase, line)
    filler = fill(line.folder / "rocmswitch")

    ended = running.finish()

    errors = [words for words in ended.err.splitlines() if words.startswith("error: ")]
    # What is left to do may be a symlink, which needs no room.
    assert (ended.code, len(errors)) in ((6, 1), (0, 0)), ended.err
    assert all("space" in error for error in errors)
    assert assert_sound(line.layout).keys() in ({"first"}, {"first", "demo"})
    filler.unlink()
    go_on(line)
