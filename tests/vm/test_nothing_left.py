"""A run of tests that is killed leaves nothing of its virtual machines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vm import image

WAITING = """
import subprocess, time
from tests.vm import image
with image.workplace() as folder:
    disk = folder / "disk.img"
    subprocess.run(["truncate", "-s", "8M", disk], check=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", disk], check=True)
    with image.mounted(disk):
        print(folder, flush=True)
        time.sleep(3600)
"""


@pytest.mark.vm("always")
def test_a_run_that_is_killed_leaves_no_mount_no_loop_device_and_no_disk(tmp_path: Path) -> None:
    image.skip_where_lacking()
    place = {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", WAITING]
    with subprocess.Popen(command, env={**os.environ, **place}, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().strip())
        mounted = str(folder) in mounts_and_loops()

        run.kill()
        run.stdout.read()  # to the end of all who write there, the sweeper among them

    assert mounted and not folder.exists()
    assert str(folder) not in mounts_and_loops()


def mounts_and_loops() -> str:
    loops = subprocess.run(["losetup", "--list", "--output=BACK-FILE"], capture_output=True, text=True, check=True)
    return Path("/proc/self/mounts").read_text() + loops.stdout
