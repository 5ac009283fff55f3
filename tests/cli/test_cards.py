"""What a manifest says of a card reaches the programs that run on it, and outlives a repair."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.kfd import RX5700XT, RX7900XTX, plug

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


def test_doctor_looks_at_another_machine_and_another_card(line: CommandLine, tmp_path: Path):
    machine = plug(tmp_path / "mounted here", RX5700XT)

    mounted = line.run("doctor", "--json", "--sysroot", str(machine)).out
    named = line.run("doctor", "--json", "--sysroot", str(tmp_path), "--gpu", "gfx1030").out

    assert [one["id"] for one in json.loads(mounted)] == ["device"]
    assert [one["id"] for one in json.loads(named)] == [f"unknown-card:{NAME}"]


def test_doctor_tells_two_kinds_of_cards_apart(line: CommandLine, tmp_path: Path):
    machine = plug(tmp_path / "machine", RX5700XT, RX7900XTX)
    for name in ("kfd", "dri/renderD128", "dri/renderD129"):
        (machine / "dev" / name).parent.mkdir(parents=True, exist_ok=True)
        (machine / "dev" / name).touch()

    def found(**more: str) -> list[str]:
        told = line.run("doctor", "--json", "--sysroot", str(machine), **more).out
        return [one["id"] for one in json.loads(told)]

    assert (found(), found(ROCMSWITCH_GPU="gfx1010")) == (["cards"], [])


def test_doctor_refuses_a_machine_that_is_not_there(line: CommandLine, tmp_path: Path):
    assert line.run("doctor", "--sysroot", str(tmp_path / "nothing")).code == 2
    assert line.run("doctor", "--gpu", "$(x)").code == 2
