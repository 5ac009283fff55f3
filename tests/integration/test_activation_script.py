"""Activation scripts in real shells."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.operations.rendering import functions
from rocmswitch.shell.posix import render

SHELLS = [shell for shell in ("bash", "zsh", "dash") if shutil.which(shell)]
DUMP = "python3 -c 'import json, os; print(json.dumps(dict(os.environ)))'"
HOSTILE = 'it\'s "a" $(touch pwned) `touch pwned` \\ ; & | * ? é\ttab'
ACTIVATION = ResolvedActivation(
    variables=(("HIP_PLATFORM", "amd"), ("ROCM_NOTE", HOSTILE), ("ROCM_EMPTY", "")),
    paths=(("LIBRARY_PATH", ("/p/lib", "/p/lib64")), ("PATH", ("/p/bin with space",))),
)


def in_shell(shell: str, lines: str, folder: Path, **environment: str) -> dict[str, str]:
    (folder / "activate.sh").write_text(render(ACTIVATION, functions()))
    python = Path(shutil.which("python3", path="/usr/bin:/usr/local/bin") or shutil.which("python3") or "")
    script = lines.replace("DUMP", DUMP.replace("python3", str(python)))
    done = subprocess.run(
        [shell, "-eu", "-c", script],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    found: dict[str, str] = json.loads(done.stdout)
    return {key: value for key, value in found.items() if key not in ("_", "SHLVL", "OLDPWD", "PWD", "LC_CTYPE")}


@pytest.mark.parametrize("shell", SHELLS)
def test_entering_sets_every_value_byte_for_byte_and_runs_nothing(shell: str, tmp_path: Path) -> None:
    inside = in_shell(shell, ". ./activate.sh; DUMP", tmp_path, LIBRARY_PATH="/mine")

    assert (inside["ROCM_NOTE"], inside["ROCM_EMPTY"], inside["LIBRARY_PATH"], inside["PATH"]) == (
        HOSTILE,
        "",
        "/p/lib:/p/lib64:/mine",
        "/p/bin with space:/usr/bin:/bin",
    )
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("environment", [{}, {"LIBRARY_PATH": "", "HIP_PLATFORM": ""}, {"HIP_PLATFORM": "nvidia"}])
def test_entering_and_leaving_is_nothing(shell: str, environment: dict[str, str], tmp_path: Path) -> None:
    before = in_shell(shell, "DUMP", tmp_path, **environment)

    after = in_shell(shell, ". ./activate.sh; . ./activate.sh; rocmswitch_off; DUMP", tmp_path, **environment)

    assert after == before


@pytest.mark.parametrize("shell", SHELLS)
def test_leaving_keeps_what_the_user_changed_meanwhile(shell: str, tmp_path: Path) -> None:
    lines = ". ./activate.sh; HIP_PLATFORM=mine; PATH=/new:$PATH:/last; rocmswitch_off; DUMP"

    after = in_shell(shell, lines, tmp_path)

    assert (after["HIP_PLATFORM"], after["PATH"]) == ("mine", "/new:/usr/bin:/bin:/last")
