"""A real PyTorch that says it was built for ROCm, on a machine that has an RX 5700 XT in /sys, with our wheel.

No AMD GPU takes part: it computes on the processor.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.guesttorch import put_wheel, with_topology
from tests.support.kfd import RX5700XT, plug

CHILD = Path(__file__).with_name("torchchild.py")
LIMITS = {"float64": 1e-13, "float32": 5e-6, "bfloat16": 4e-2}
"""Relative to the largest value: some units of the last place of each."""


def told(folder: Path, tmp_path: Path) -> dict[str, Any]:
    """What torchchild.py says in the environment *folder*, into which our wheel is put."""
    (site,) = folder.glob("lib/python*/site-packages")
    put_wheel(site, tmp_path)
    version = site / "torch/version.py"
    text = version.read_text()
    version.unlink()  # other environments may be links to the same file
    version.write_text(f"{text}\nhip = '6.2.41134'\n")
    command = with_topology(plug(tmp_path / "machine", RX5700XT), [str(folder / "bin/python"), str(CHILD)])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def check(said: dict[str, Any]) -> None:
    """It acts, no GPU was started, the flag stays off, and results differ, but no more than rounding does."""
    assert (said["status"], said["active"], said["started"]) == ("on: gfx1010", True, False)
    assert (said["flag"], said["flag inside"], said["flag afterwards"]) == (False, False, False)
    assert {kind: value for kind, value in said["worst"].items() if not 0 < value < LIMITS[kind]} == {}
