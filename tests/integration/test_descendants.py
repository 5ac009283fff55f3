"""Who has started whom, as /proc tells it, and the end of them all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.system.descendants import Descendant, descendants, end_all

STARTS = r"""
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in sys.argv else signal.SIG_DFL)
for _ in range(2):
    if os.fork() == 0 and "leaves" in sys.argv:
        os.setsid()
os.write(1, b"there\n")
time.sleep(100000)
"""


@pytest.fixture
def family(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """One that starts one that starts two, and another one."""
    words = [sys.executable, "-c", STARTS, *request.param]
    with subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True) as started:
        assert started.stdout is not None
        try:
            assert [started.stdout.readline() for _ in range(4)] == [b"there\n"] * 4
            yield started
        finally:
            end_all(started.pid, {started.pid})


@pytest.mark.parametrize("family", [(), ("stubborn",), ("leaves",), ("stubborn", "leaves")], indirect=True)
def test_all_that_a_program_has_started_is_found_and_ended(family: subprocess.Popen[bytes]):
    found = descendants(family.pid)

    left = end_all(family.pid)

    assert (len(found), left, descendants(family.pid)) == (3, (), ())
    assert family.poll() is None


@pytest.mark.parametrize("family", [("leaves",), ("stubborn",)], indirect=True)
def test_with_its_session_the_program_itself_is_meant(family: subprocess.Popen[bytes]):
    end_all(family.pid, {family.pid})

    assert family.wait() < 0
    assert descendants(family.pid, {family.pid}) == ()


@pytest.mark.parametrize("family", [()], indirect=True)
def test_nobody_waits_for_what_is_known_to_stay(family: subprocess.Popen[bytes]):
    numbers = [one.number for one in descendants(family.pid)]

    left = end_all(family.pid, but=numbers)

    assert (left, [one.number for one in descendants(family.pid)]) == ((), numbers)


def stat(folder: Path, number: int, text: str) -> None:
    (folder / str(number)).mkdir()
    (folder / str(number) / "stat").write_text(text)


def test_names_of_programs_mislead_nobody_and_what_has_ended_is_left_out(tmp_path: Path):
    stat(tmp_path, 10, "10 (root) S 1 10 10 0")
    stat(tmp_path, 11, "11 (a) Z 1 1) (b) D 10 10 10 0")
    stat(tmp_path, 12, "12 (c\n) S 11 12 12 0")
    stat(tmp_path, 13, "13 (ended) Z 10 10 10 0")
    stat(tmp_path, 14, "14 (other) S 1 14 99 0")
    stat(tmp_path, 15, "")
    (tmp_path / "16").mkdir()
    (tmp_path / "self").mkdir()

    assert descendants(10, {99}, tmp_path) == (
        Descendant(11, 10, 10, "D"),
        Descendant(12, 11, 12, "S"),
        Descendant(14, 1, 99, "S"),
    )
