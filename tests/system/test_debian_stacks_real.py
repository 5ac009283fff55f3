"""Debian's 5.7.1 and 6.4.3 from the real archive: a kernel for gfx1010 compiled by each, and its program run.

170 MB each, so it runs where TEST_STACKS=all; 7.2.4 has a test of its own that always runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine

CHECKOUT = Path(__file__).resolve().parents[2]
STACKS = {"debian-5.7.1": "50731921", "debian-6.4.3": "60443484"}

pytestmark = [
    pytest.mark.network("debian"),
    pytest.mark.system("debian"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="the stacks are for x86-64"),
    pytest.mark.skipif(os.environ.get("TEST_STACKS") != "all", reason="340 MB to download: set TEST_STACKS=all"),
]


@pytest.fixture(scope="module", params=STACKS)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """With the compiler set from the index of the day, which of sid may be a late one."""
    line = CommandLine(tmp_path_factory.mktemp("person"), {"STACK": request.param})
    command = [sys.executable, "-m", "rocmswitch", "install", request.param, "--set", "compiler", "--yes"]
    done = subprocess.run(
        [*command, "--allow-expired"], env=line.variables(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr[-2000:] if done.returncode else "") == (0, "")
    yield line
    subprocess.run(["chmod", "-R", "u+w", line.folder], check=True)
    shutil.rmtree(line.folder)


def test_a_kernel_is_compiled_and_its_program_starts(installed: CommandLine, tmp_path: Path):
    stack = installed.variables()["STACK"]
    made = tmp_path / "saxpy"
    source = str(CHECKOUT / "scripts/saxpy.hip")

    installed.succeed("run", stack, "--", "hipcc", "--offload-arch=gfx1010", source, "-o", str(made))

    code = [sys.executable, str(CHECKOUT / "scripts/code_object.py"), str(made), "gfx1010"]
    assert "flags 0x133: gfx1010" in subprocess.check_output(code, text=True)
    assert f"HIP runtime {STACKS[stack]}" in installed.succeed("run", stack, "--", str(made))
    assert "every file as installed" in installed.succeed("verify", stack)
