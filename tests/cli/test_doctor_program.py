"""doctor on how shells find rocmswitch: the script that was installed, started by its path."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine

SCRIPT = Path(sys.executable).with_name("rocmswitch")

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="rocmswitch is not installed beside this Python")


def found(folder: Path, path: str) -> list[str]:
    """What is wrong for somebody with the search path *path*, said by the installed script."""
    person = CommandLine(folder, {"ROCMSWITCH_SYSROOT": str(folder / "machine")})
    person.home.mkdir(exist_ok=True)
    done = subprocess.run(
        [SCRIPT, "doctor", "--json"],
        env=person.variables(PATH=path),
        cwd=person.home,
        capture_output=True,
        check=False,
    )
    return [one["what"] for one in json.loads(done.stdout)]


def test_a_shell_that_finds_this_program_is_well(tmp_path: Path):
    assert found(tmp_path, f"/nowhere:{SCRIPT.parent}:/usr/bin:/bin") == []


def test_a_link_to_this_program_is_this_program(tmp_path: Path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/rocmswitch").symlink_to(SCRIPT)

    assert found(tmp_path, f"{tmp_path}/bin:/usr/bin:/bin") == []


def test_a_shell_that_does_not_find_it_is_told(tmp_path: Path):
    assert found(tmp_path, str(tmp_path / "bin")) == ["`rocmswitch` is not on PATH"]


def test_another_program_of_the_name_is_told(tmp_path: Path):
    other = tmp_path / "bin/rocmswitch"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)

    assert found(tmp_path, f"{tmp_path}/bin:{SCRIPT.parent}") == ["another `rocmswitch` hides this one"]
