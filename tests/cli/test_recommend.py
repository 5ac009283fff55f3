"""What people and programs get from recommend, and what `recommended` means to install and use."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rocmswitch.store.probes import Probes
from rocmswitch.system.disk import Disk
from tests.support.acme import NAME, AcmeSite
from tests.support.cardroots import RX5700XT as ON_THE_BUS
from tests.support.cardroots import names_of_libdrm, put, rx5700xt_machine
from tests.support.commandline import CommandLine
from tests.support.kfd import RX5700XT, RX7900XTX, Card, plug
from tests.support.pytorchsite import PytorchSite
from tests.support.recommending import report
from tests.support.therocksite import wheels_alone

CEZANNE = Card(90012, 0x1638, "renoir", 0x400)
"""A processor's own card."""


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """Somebody who has only what is shipped."""
    return CommandLine(tmp_path)


def told(line: CommandLine, *words: str, **environment: str) -> dict[str, Any]:
    return dict(json.loads(line.succeed("recommend", "--json", *words, **environment)))


def test_the_card_of_the_machine_is_meant_and_the_command_need_not_name_it(line: CommandLine, tmp_path: Path):
    root = plug(tmp_path / "a machine", RX5700XT)

    shown = line.succeed("recommend", ROCMSWITCH_SYSROOT=str(root))

    assert shown.startswith("For gfx1010 (AMD ")
    assert "\n   rocmswitch use therock-10.1 --venv NAME\n" in shown
    assert "   known to fail: triton (eager mode does without it), int8 (wider types do)\n" in shown
    assert "   evidence: ROCm/TheRock#7609" in shown
    assert "`rocmswitch use rocm-7.2.4 --venv NAME --cpu`" in shown.splitlines()[-1]


def test_a_card_of_another_machine_is_named_in_the_command(line: CommandLine, tmp_path: Path):
    root = plug(tmp_path / "mounted here", RX5700XT)

    first = told(line, "--sysroot", str(root))["recommendations"][0]

    assert first["command"] == ["use", "therock-10.1", "--venv", "NAME", "--gpu", "gfx1010"]


def test_the_first_three_are_told_in_full_and_all_of_them_on_request(line: CommandLine):
    short = line.succeed("recommend", "--gpu", "gfx1010")
    everything = line.succeed("recommend", "--gpu", "gfx1010", "--all")

    assert short.count("\n   rocmswitch ") == 3
    assert "\n11-33. rocm-7.2.4, " in short and " and 17 more: PyTorch does not run" in short
    assert everything.count("\n   torch ") == 49
    assert "\n53. rocm-5.3.0: PyTorch does not run, none\n" in everything


def test_programs_are_told_everything(line: CommandLine):
    found = told(line, "--gpu", "gfx1010", "--for", "convolutions", "--python", "3.10")

    assert (found["purpose"], found["machine"]["target"], found["machine"]["python"]) == (
        "convolutions",
        "gfx1010",
        "cp310",
    )
    assert len(found["recommendations"]) == 53
    assert found["recommendations"][3]["failures"] == [
        {"word": "float16", "asked": False, "seen": "", "way_round": "float32 does, with twice the memory"}
    ]
    assert [one["kind"] for one in found["other_ways"]] == ["cpu", "cloud", "card", "build"]


def test_a_card_is_meant_and_not_what_the_processor_has_also_where_that_comes_first(
    line: CommandLine, tmp_path: Path
):
    root = plug(tmp_path / "machine", CEZANNE, RX7900XTX)

    shown = line.succeed("recommend", ROCMSWITCH_SYSROOT=str(root)).splitlines()
    other = line.succeed("recommend", ROCMSWITCH_SYSROOT=str(root), ROCMSWITCH_GPU="gfx90c").splitlines()

    assert shown[0].startswith("For gfx1100")
    assert shown[1:3] == [
        "This machine has gfx90c as well: `rocmswitch recommend --gpu gfx90c`",
        "Programs are given gfx90c first, which is part of the processor: `rocmswitch doctor` says how to hide it",
    ]
    assert "   rocmswitch use therock-10.0 --venv NAME --gpu gfx1100" in shown
    assert other[0].startswith("For gfx90c") and other[1] == "gfx90c is part of the processor"


def test_what_the_processor_has_is_meant_where_the_card_has_no_driver(line: CommandLine, tmp_path: Path):
    root = put(plug(tmp_path / "machine", CEZANNE), replace(ON_THE_BUS, driver=""))

    shown = line.succeed("recommend", ROCMSWITCH_SYSROOT=str(root)).splitlines()

    assert shown[0].startswith("For gfx90c")
    assert shown[2] == "This machine has gfx1010 as well: `rocmswitch recommend --gpu gfx1010`"


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (("--gpu", "gfx10; rm"), {}),
        ((), {"ROCMSWITCH_GPU": "rx5700"}),
        (("--gpu", "gfx1010", "--for", "games"), {}),
    ],
)
def test_what_is_no_card_and_no_purpose_is_a_mistake(
    line: CommandLine, words: tuple[str, ...], environment: dict[str, str]
):
    assert line.run("recommend", *words, **environment).code == 2


def test_a_manifest_that_cannot_be_read_hides_no_other(line: CommandLine):
    line.add_manifest("broken-1.0", b"schema: [")

    outcome = line.run("recommend", "--gpu", "gfx1010")

    assert (outcome.code, "passed over: " in outcome.err) == (0, True)
    assert "therock-10.1" in outcome.out


def test_what_another_machine_calls_its_card_cannot_speak_to_the_terminal(line: CommandLine, tmp_path: Path):
    root = rx5700xt_machine(tmp_path / "machine")
    names_of_libdrm(root, "731F,\tC1,\tRadeon \x1b[31mRX")

    shown = line.succeed("recommend", "--sysroot", str(root))

    assert "Radeon" in shown.splitlines()[0] and "\x1b" not in shown


def test_a_card_whose_driver_is_not_loaded_is_known_by_its_ids_and_named_in_the_command(
    line: CommandLine, tmp_path: Path
):
    root = put(tmp_path / "machine", replace(ON_THE_BUS, driver=""))

    shown = line.succeed("recommend", ROCMSWITCH_SYSROOT=str(root)).splitlines()

    assert shown[1] == "No driver offers programs a GPU in this card: `rocmswitch doctor` says why"
    assert "   rocmswitch use therock-10.1 --venv NAME --gpu gfx1010" in shown


def test_what_no_source_is_named_for_says_so(line: CommandLine):
    assert "\n   evidence: its manifest names none\n" in line.succeed("recommend", "--gpu", "gfx1999")


def test_in_wsl_it_is_said_that_windows_keeps_the_card(line: CommandLine, tmp_path: Path):
    (tmp_path / "windows/dev").mkdir(parents=True)
    (tmp_path / "windows/dev/dxg").touch()

    for word in ("recommend", "gpu"):
        outcome = line.run(word, "--sysroot", str(tmp_path / "windows"))

        assert (outcome.code, "`/dev/dxg` is there, as in WSL" in outcome.err) == (3, True), outcome


def test_a_card_that_is_kept_for_a_virtual_machine_is_none(line: CommandLine, tmp_path: Path):
    root = put(tmp_path / "machine", replace(ON_THE_BUS, driver="vfio-pci"))

    outcome = line.run("recommend", "--sysroot", str(root))

    assert (outcome.code, outcome.error) == (3, "vfio-pci keeps the card at 0000:08:00.0 from programs")


def test_a_card_whose_target_nothing_says_is_not_said_to_be_none(line: CommandLine, tmp_path: Path):
    root = put(tmp_path / "machine", replace(ON_THE_BUS, device=0x1234))

    outcome = line.run("recommend", "--sysroot", str(root))

    assert (outcome.code, outcome.error) == (3, "nothing says which target the card at 0000:08:00.0 is")


def test_what_the_probe_saw_here_decides(line: CommandLine):
    probes = Probes(line.layout, Disk())
    probes.save(report("rocm-5.2.3", "1.13.1+rocm5.2"))

    found = told(line, "--gpu", "gfx1010")["recommendations"][0]

    assert (found["stack"], found["sureness"]) == ("rocm-5.2.3", "confirmed")
    assert found["reasons"][0].startswith("the probe of 2026-11-20 on this machine: ")


def test_recommended_installs_the_first_and_says_which_and_why(tmp_path: Path, site: AcmeSite):
    line = site.person(tmp_path)
    site.let(line, gpus={"gfx1999": {"support": "community"}})

    outcome = line.run("install", "recommended", "--yes", ROCMSWITCH_GPU="gfx1999")

    assert outcome.code == 0, outcome
    assert f"recommended for gfx1999 is {NAME}: those who build it support gfx1999, AMD does not" in outcome.err
    assert line.succeed("list").startswith(NAME)


def test_recommended_wheels_alone_cannot_be_installed_and_the_command_is_named(line: CommandLine):
    line.add_manifest("therock-10.1", wheels_alone("therock-10.1"))

    outcome = line.run("install", "recommended", "--yes", ROCMSWITCH_GPU="gfx1010")

    assert (outcome.code, outcome.hint) == (5, "run `rocmswitch use therock-10.1 --venv NAME`")


def test_an_environment_of_what_is_recommended_is_made(tmp_path: Path, site: AcmeSite):
    line = site.person(tmp_path)
    site.let(line, gpus={"gfx1999": {"support": "community"}})

    line.succeed("use", "recommended", "--venv", "demo", "--yes", ROCMSWITCH_GPU="gfx1999")

    assert f"environment of {NAME}" in line.succeed("venv", "list")


def test_an_environment_gets_the_torch_that_fits_the_python_that_was_asked_for(line: CommandLine, tmp_path: Path):
    with PytorchSite(tmp_path / "site", pythons=("cp38",)) as site:
        site.let(line, "rocm-6.1.5")
        words = ("use", "recommended", "--venv", "demo", "--python", "3.8", "--dry-run", "--json")
        outcome = line.run(*words, ROCMSWITCH_GPU="gfx1100", PIP_INDEX_URL=site.simple)

    assert outcome.code == 0, outcome
    assert json.loads(outcome.out)["torch"] == "2.4.1+rocm6.1"


def test_a_stack_of_ones_own_that_is_called_recommended_is_meant_by_that_name(tmp_path: Path, site: AcmeSite):
    line = site.person(tmp_path)
    site.let(line, "recommended")

    assert "recommended (runtime)" in line.run("install", "recommended", "--dry-run").err
