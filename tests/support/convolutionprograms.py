"""Runs the programs of tests/convolutions in an environment with a real torch, and reads what they found.

There the package stands under the name that its wheel gives it, as do copies of it with mistakes planted in them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.cputorch import cpu_torch

PACKAGE = Path(__file__).parents[2] / "rocmswitch/guest/convolutions"
NAME = "rocmswitch_convolutions"
PROGRAMS = Path(__file__).parents[1] / "convolutions/programs"
ALL = os.environ.get("TEST_CONVOLUTIONS") == "all"
"""Whether the samples are all there are, instead of as many as everyday patience allows."""


def run_program(folder: Path, name: str, *words: object) -> dict[str, Any]:
    """What the program *name* reports; *folder* is for what it writes, and for packages beside the real one."""
    if not (folder / NAME).exists():
        (folder / NAME).symlink_to(PACKAGE)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder}:{PROGRAMS}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "TORCH_DEVICE_BACKEND_AUTOLOAD": "0",
        # So that other tests get their share of the processors.
        "OMP_NUM_THREADS": "1",
    }
    command = [str(cpu_torch() / "bin/python"), str(PROGRAMS / f"{name}.py"), *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def plant(folder: Path, name: str, file: str, right: str, wrong: str) -> None:
    """A copy of the package called *name*, with *wrong* in the place of *right*."""
    shutil.copytree(PACKAGE, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / name / file
    text = path.read_text()
    assert text.count(right) == 1, f"{file} says {right!r} {text.count(right)} times"
    path.write_text(text.replace(right, wrong))
