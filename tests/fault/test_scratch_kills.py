"""What is needed only while a command runs: after a kill the next one takes it away, or it never had a name."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rocmswitch.store.scratch import scratch, sweep
from rocmswitch.system.disk import Disk

HOLDS = """
import sys
from pathlib import Path
from rocmswitch.store.scratch import scratch
from rocmswitch.system.disk import Disk
with scratch(Path(sys.argv[1]), Disk()) as own:
    (own / "read-only").mkdir()
    (own / "read-only/file").write_text("large")
    (own / "read-only").chmod(0o500)
    print(own, flush=True)
    sys.stdin.read()
"""
SWEEPS = """
import sys
from pathlib import Path
from rocmswitch.store.scratch import sweep
from rocmswitch.system.disk import Disk
print("sweeping", flush=True)
while True:
    sweep(Path(sys.argv[1]), Disk())
"""
VERIFIES = """
import sys
from rocmswitch.fetch.signature import Gpgv
from rocmswitch.fetch.signed import Keys
Gpgv(sys.argv[1]).detached(b"text", b"signature", Keys(("A" * 40,), b"keys"))
"""


@contextlib.contextmanager
def another(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has a folder of its own below *folder*, until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_goes_with_the_next_one_and_nobody_else_s(tmp_path: Path):
    folder = tmp_path / "scratch"
    with another(folder) as (lives, his), another(folder) as (dies, old):
        dies.kill()
        dies.wait()
        assert (old / "read-only/file").exists()
        with scratch(folder, Disk()) as own:
            there = {path for path in folder.iterdir() if path.is_dir()}
            assert there == {own, his}
        lives.communicate()

    assert list(folder.iterdir()) == []


def test_a_folder_is_had_however_many_others_sweep_while_its_lock_is_new(tmp_path: Path):
    """One of them takes a lock that is there and not held yet: about once in 70 times that it is tried."""
    folder = tmp_path / "scratch"
    command = [sys.executable, "-c", SWEEPS, str(folder)]
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            other = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
            stack.callback(other.kill)
            assert other.stdout is not None and other.stdout.readline()

        for _ in range(300):
            with scratch(folder, Disk()) as own:
                assert own.is_dir()


def test_what_was_left_can_be_swept_without_a_folder_of_one_s_own(tmp_path: Path):
    folder = tmp_path / "scratch"
    with another(folder) as (dies, old):
        dies.kill()
        dies.wait()

    sweep(folder, Disk())

    assert not old.exists() and list(folder.iterdir()) == []


def test_sweeping_where_nothing_ever_was_makes_nothing(tmp_path: Path):
    sweep(tmp_path / "scratch", Disk())

    assert not (tmp_path / "scratch").exists()


def test_no_keyring_is_left_where_a_process_is_killed_while_gpgv_runs(tmp_path: Path):
    """The program in gpgv's place reads what it is given, and kills who has started it."""
    temporary, seen, program = tmp_path / "temporary", tmp_path / "seen", tmp_path / "gpgv"
    temporary.mkdir()
    program.write_text(f'#!/bin/sh\ncat "$4" "$7" > {seen}\nls {temporary} >> {seen}\nkill -9 $PPID\n')
    program.chmod(0o755)

    done = subprocess.run(
        [sys.executable, "-c", VERIFIES, str(program)], env={**os.environ, "TMPDIR": str(temporary)}, check=False
    )

    assert done.returncode == -9
    assert seen.read_text() == "keyssignature"
    assert list(temporary.iterdir()) == []
