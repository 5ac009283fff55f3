"""Locks between processes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from rocmswitch.errors import BUSY, Busy, Refused
from rocmswitch.system.lock import held

SPAWN = multiprocessing.get_context("spawn")


def hold(path: Path, orders: Connection) -> None:
    with held(path, wait=0, what="`rocm-6.2.4`"):
        orders.send("held")
        orders.recv()


@contextmanager
def another_holder(path: Path) -> Iterator[tuple[int, Connection]]:
    """A process that holds *path* until it is sent anything."""
    here, there = SPAWN.Pipe()
    process = SPAWN.Process(target=hold, args=(path, there))
    process.start()
    assert here.recv() == "held"
    assert process.pid
    try:
        yield process.pid, here
    finally:
        process.kill()
        process.join()


def test_a_second_process_is_told_who_is_at_work(tmp_path: Path):
    lock = tmp_path / "locks/rocm.lock"

    with (
        another_holder(lock) as (number, _),
        pytest.raises(Busy) as caught,
        held(lock, wait=0, what="`rocm-6.2.4`"),
    ):
        pass

    assert str(caught.value) == f"another rocmswitch (process {number}) is working on `rocm-6.2.4`"
    assert caught.value.exit_code == BUSY == 75


def test_a_second_process_waits_for_the_first_and_then_works(tmp_path: Path):
    lock = tmp_path / "rocm.lock"

    with another_holder(lock) as (_, orders):
        orders.send("end")
        with held(lock, wait=20, what="`rocm-6.2.4`"):
            worked = True

    assert worked


def test_who_may_wait_tries_more_than_once_and_gives_up(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    lock = tmp_path / "rocm.lock"

    attempts = []
    for wait in (0.0, 0.3):
        caplog.clear()
        with (
            another_holder(lock),
            caplog.at_level(logging.DEBUG, "filelock"),
            pytest.raises(Busy),
            held(lock, wait=wait, what="`rocm-6.2.4`"),
        ):
            pass
        attempts.append(sum("Attempting" in text for text in caplog.messages))

    assert (attempts[0], attempts[1] > 1) == (1, True)


def test_a_killed_holder_frees_the_lock(tmp_path: Path):
    lock = tmp_path / "rocm.lock"

    with another_holder(lock) as (number, _):
        os.kill(number, signal.SIGKILL)
        with held(lock, wait=20, what="`rocm-6.2.4`"):
            worked = True

    assert worked


def test_a_lock_file_that_is_left_locks_nothing(tmp_path: Path):
    lock = tmp_path / "rocm.lock"
    lock.write_text("4711")

    with held(lock, wait=0, what="`rocm-6.2.4`"):
        assert lock.exists()

    with held(lock, wait=0, what="`rocm-6.2.4`"):
        assert lock.exists()


def test_what_goes_wrong_under_the_lock_is_passed_on_and_frees_it(tmp_path: Path):
    lock = tmp_path / "rocm.lock"

    with pytest.raises(KeyboardInterrupt), held(lock, wait=0, what="`rocm-6.2.4`"):
        raise KeyboardInterrupt

    with held(lock, wait=0, what="`rocm-6.2.4`"):
        assert lock.exists()


def test_a_lock_is_not_taken_through_a_symlink(tmp_path: Path):
    (tmp_path / "rocm.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Refused, match="is a symlink"), held(tmp_path / "rocm.lock", wait=0, what="`rocm-6.2.4`"):
        pass

    assert not (tmp_path / "elsewhere").exists()
