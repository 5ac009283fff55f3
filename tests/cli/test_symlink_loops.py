"""Symbolic links that lead to themselves, wherever somebody may have left one: on every Python a plain answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.store.linked import read_linked
from tests.support.commandline import CommandLine
from tests.support.furnished import environment, prefix

STACK = "rocm-6.2.4"


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path, {"ROCMSWITCH_SYSROOT": str(tmp_path / "machine")})
    prefix(line.layout, STACK)
    environment(line.layout, "proj", STACK)
    line.home.mkdir(exist_ok=True)
    return line


def ring(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.name)
    return path


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "{ring}", "--", "true"), 3),
        (("which", "hipcc", "{ring}"), 3),
        (("env", "{ring}"), 3),
        (("doctor", "{ring}"), 3),
        (("remove", "{ring}", "--yes"), 3),
        (("venv", "remove", "{ring}", "--yes"), 3),
        (("use", "6.2.4", "--venv", "{ring}", "--yes"), 5),
    ],
    ids=lambda one: one[0] if isinstance(one, tuple) else str(one),
)
def test_a_target_that_leads_to_itself_is_not_found(line: CommandLine, words: tuple[str, ...], code: int):
    where = ring(line.home / "ring")

    outcome = line.run(*(word.format(ring=where) for word in words))

    assert (outcome.code, "bug in rocmswitch" in outcome.err) == (code, False), outcome


@pytest.mark.parametrize("words", [("current",), ("doctor",), ("list",)])
def test_surroundings_that_lead_to_themselves_harm_nothing(line: CommandLine, words: tuple[str, ...]):
    where = ring(line.home / "ring")
    ring(line.home / ".bashrc")
    ring(line.home / ".rocm-version")
    ring(line.layout.venvs / "lost")
    active = {"ROCMSWITCH_ACTIVE": "proj", "ROCMSWITCH_WHY": "use", "SHELL": "/bin/bash"}

    outcome = line.run(*words, VIRTUAL_ENV=str(where), LD_LIBRARY_PATH=str(where), **active)

    assert (outcome.code in (0, 4), "bug in rocmswitch" in outcome.err) == (True, False), outcome


def test_a_start_up_file_that_leads_to_itself_is_refused(line: CommandLine):
    ring(line.home / ".bashrc")

    outcome = line.run("init", "bash", "--install", "--yes")

    assert (outcome.code, "bug in rocmswitch" in outcome.err) == (1, False), outcome


def test_a_rocm_with_tools_that_lead_to_themselves_can_be_linked(tmp_path: Path):
    for name in ("bin/hipcc", "bin/other", "lib/librocblas.so"):
        ring(tmp_path / name)
    (tmp_path / "lib/libamdhip64.so.6.2.60204").touch()
    (tmp_path / "hip/bin").mkdir(parents=True)
    (tmp_path / "hip/bin/hipcc").touch()

    linked = read_linked(tmp_path)

    assert (linked.version, dict(linked.environment)["HIP_PATH"]) == ("6.2.4", "{prefix}/root")
