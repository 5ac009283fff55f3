"""What a manifest says of a card reaches the programs that run on it, and outlives a repair."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.kfd import RX5700XT, plug

GPUS = {
    "gfx1010": {
        "support": "partial",
        "environment": {"HSA_OVERRIDE_GFX_VERSION": "10.3.0"},
        "profiles": {"rdna1-safe": {"MIOPEN_DEBUG_CONV_GEMM": "0", "HSA_OVERRIDE_GFX_VERSION": "10.3.1"}},
    }
}


@pytest.fixture
def line(line: CommandLine, site: AcmeSite) -> CommandLine:
    site.let(line, gpus=GPUS)
    line.succeed("install", NAME, "--yes")
    return line


def of_the_card(line: CommandLine, tmp_path: Path, **more: str) -> list[str]:
    machine = plug(tmp_path / "machine", RX5700XT)
    shown = line.succeed("run", NAME, "--", "/usr/bin/env", ROCMSWITCH_SYSROOT=str(machine), **more)
    return sorted(entry for entry in shown.splitlines() if entry.startswith(("HSA_", "MIOPEN_")))


def test_a_program_gets_the_variables_of_the_card(line: CommandLine, tmp_path: Path):
    assert of_the_card(line, tmp_path) == ["HSA_OVERRIDE_GFX_VERSION=10.3.0"]
    assert of_the_card(line, tmp_path, ROCMSWITCH_PROFILE="rdna1-safe") == [
        "HSA_OVERRIDE_GFX_VERSION=10.3.1",
        "MIOPEN_DEBUG_CONV_GEMM=0",
    ]
    assert of_the_card(line, tmp_path, ROCMSWITCH_GPU="gfx1030") == []


def test_a_repaired_stack_has_them_too(line: CommandLine, tmp_path: Path):
    (line.layout.prefixes / NAME / "usr/bin").chmod(0o755)

    line.succeed("repair", NAME, "--yes")

    assert of_the_card(line, tmp_path) == ["HSA_OVERRIDE_GFX_VERSION=10.3.0"]
