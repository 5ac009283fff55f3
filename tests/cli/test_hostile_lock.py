"""`use --locked` with a lock from somebody who means harm: said in a sentence, and nothing is made."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine, Outcome
from tests.support.smalltorch import STACK, SmallTorch


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SmallTorch]:
    with SmallTorch(tmp_path / "site") as site:
        yield site


@pytest.fixture
def line(site: SmallTorch, tmp_path: Path) -> CommandLine:
    """Somebody with one environment, and so with a lock that is right."""
    line = CommandLine(tmp_path / "person", {"PIP_INDEX_URL": site.simple})
    site.furnish(line.layout)
    line.succeed("use", STACK, "--venv", "demo", "--yes")
    return line


def locked(line: CommandLine, wheel: dict[str, object], **top: object) -> Outcome:
    """`use --locked` with the lock, in which the wheel of pip and the *top* have other values."""
    content = json.loads((line.layout.venvs / "demo/rocmswitch.lock").read_bytes()) | top
    next(one for one in content["wheels"] if one["name"] == "pip").update(wheel)
    lock = line.folder / "edited.lock"
    lock.write_text(json.dumps(content))
    return line.run("use", STACK, "--venv", "copy", "--locked", str(lock), "--yes")


def test_a_lock_whose_pins_do_not_keep_its_torch_is_refused(line: CommandLine) -> None:
    outcome = locked(line, {}, pins=["torch==99.0"])

    assert outcome.code == 2
    assert "`torch` is not what its wheels and its pins have" in outcome.error
    assert not (line.layout.venvs / "copy").exists()


@pytest.mark.parametrize("place", ("/dev/zero", "FIFO"))
def test_a_wheel_that_never_ends_or_never_comes_is_refused(place: str, line: CommandLine, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    outcome = locked(line, {"url": (fifo if place == "FIFO" else Path(place)).as_uri(), "sha256": "3" * 64})

    assert outcome.code == 1
    assert "could not be used" in outcome.error


def test_a_file_of_this_machine_that_is_no_such_wheel_is_refused(line: CommandLine) -> None:
    outcome = locked(line, {"url": "file:///etc/passwd", "sha256": "3" * 64})

    assert outcome.code == 4
    assert "`/etc/passwd` has the hash" in outcome.error


@pytest.mark.parametrize("place", ("/dev/zero", "FIFO"))
def test_a_lock_that_never_ends_or_never_comes_is_not_read(place: str, line: CommandLine, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    file = str(fifo) if place == "FIFO" else place
    outcome = line.run("use", STACK, "--venv", "copy", "--locked", file, "--yes")

    assert (outcome.code, outcome.error) == (2, f"`{file}` cannot be read: it is no regular file")


def test_a_wheel_for_another_python_is_refused_before_anything_is_fetched(
    line: CommandLine, site: SmallTorch
) -> None:
    other = "cp39" if sys.version_info[:2] != (3, 9) else "cp310"
    file = f"pip-24.0-{other}-{other}-linux_x86_64.whl"
    site.server.requests.clear()

    outcome = locked(line, {"file": file})

    assert (outcome.code, outcome.error) == (2, f"`{file}` of the lock is for another Python or machine")
    assert site.server.requests == []
