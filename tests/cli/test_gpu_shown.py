"""`rocmswitch gpu`: cards and what stacks give them, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.cardroots import BMC, H200, RAPHAEL, RX5700XT, mi300x_in_parts, put, rx5700xt_machine
from tests.support.commandline import CommandLine
from tests.support.kfd import NODES

GPUS = {"gfx1010": {"support": "partial", "known_bad": ["conv2d"], "evidence": ["ROCm/ROCm#2527"]}}


@pytest.fixture
def line(line: CommandLine, site: AcmeSite) -> CommandLine:
    site.let(line, gpus=GPUS)
    return line


def shown(line: CommandLine, root: Path, *words: str) -> str:
    return line.succeed("gpu", "--sysroot", str(root), *words)


def read(line: CommandLine, *words: str) -> Any:
    return json.loads(line.succeed("gpu", "--json", *words))


def test_a_card_is_shown_with_all_that_is_known_of_it(line: CommandLine, tmp_path: Path):
    machine = put(rx5700xt_machine(tmp_path / "a machine"), H200, BMC)

    text = shown(line, machine)

    assert text.split("\n\n")[0].splitlines() == [
        "AMD Radeon RX 5700 XT  gfx1010",
        "where        0000:08:00.0",
        "PCI id       1002:731f, revision c1, board 1da2:e409",
        "target       gfx1010, the driver says so",
        "memory       7.984 GiB, of which the processor reaches 256 MiB (no resizable BAR)",
        "driver       amdgpu",
        "GPUs         node 1",
        "device file  /dev/dri/renderD128",
        "link         PCIe 8 GT/s x8 of at most 16 GT/s x16; an idle card lowers its speed; the slot or the board "
        "gives it fewer lanes",
        "others: ASPEED 1a03:2000 at 0000:c3:00.0 (ast), NVIDIA 10de:2335 at 0000:e4:00.0 (nvidia)",
    ]


def test_what_each_stack_gives_the_card_is_told_in_few_lines(line: CommandLine, tmp_path: Path):
    told = shown(line, rx5700xt_machine(tmp_path / "machine")).partition("What stacks give gfx1010\n")[2]

    rows = told.splitlines()
    mine = rows.index(f"partial   {NAME}")
    assert len(rows) < 40  # for some sixty stacks
    assert rows[mine + 1 : mine + 3] == [f"{'':10}known to fail: conv2d", f"{'':10}evidence: ROCm/ROCm#2527"]
    old = rows.index("reported  rocm-5.2.3 … rocm-5.2.0 (3)")
    assert rows[old + 2] == f"{'':10}sets HSA_OVERRIDE_GFX_VERSION=10.3.0; convolutions without MIOpen"


def test_of_how_many_stacks_the_support_was_not_read_in_a_source_is_said(line: CommandLine):
    assert "unverified: for 4 of 34 this was not read in a source" in line.succeed("gpu", "--gpu", "gfx1100")


@pytest.mark.parametrize("columns", ["40", "80"])
def test_evidence_can_be_copied_from_a_narrow_terminal(line: CommandLine, columns: str):
    outcome = line.at_terminal("gpu", "--gpu", "gfx1010", COLUMNS=columns)

    assert outcome.code == 0, outcome
    assert "unslothai/unsloth#11614" in outcome.out and "pytorch/pytorch#106728" in outcome.out
    assert "HSA_OVERRIDE_GFX_VERSION=10.3.0" in outcome.out


@pytest.mark.parametrize("columns", ["40", "80"])
def test_a_word_is_never_broken_at_a_hyphen_or_for_its_length(line: CommandLine, columns: str):
    outcome = line.at_terminal("gpu", "--gpu", "gfx906", COLUMNS=columns)

    assert outcome.code == 0, outcome
    assert "github:ROCm/rocm-install-on-linux@docs/6.*:docs/reference/system-requirements.rst" in outcome.out
    assert "ROCm/legacy-rocm-build#4625" in outcome.out


def test_all_gives_each_stack_a_line(line: CommandLine):
    text = line.succeed("gpu", "--gpu", "gfx1010", "--all")

    starts = [one.split()[1] for one in text.splitlines() if one and not one.startswith(" ")]
    assert {"rocm-6.2.4;", "rocm-6.2.2;", "rocm-5.2.1;", "therock-10.1;", f"{NAME};"} <= set(starts)


def test_a_card_that_is_not_here_can_be_asked_for(line: CommandLine, tmp_path: Path):
    answer = read(line, "--gpu", "gfx1030", "--sysroot", str(tmp_path))

    assert (answer["cards"], list(answer["support"])) == ([], ["gfx1030"])
    assert {"stack": NAME, "support": "unknown"}.items() <= answer["support"]["gfx1030"][-1].items()


def test_programs_read_everything(line: CommandLine, tmp_path: Path):
    machine = rx5700xt_machine(tmp_path / "machine")

    answer = read(line, "--sysroot", str(machine))

    (card,) = answer["cards"]
    assert (card["name"], card["name_from"]) == ("AMD Radeon RX 5700 XT", "rocmswitch")
    assert (card["pci_id"], card["pci_revision"], card["link_reduced"]) == ("1002:731f", "c1", True)
    assert (card["target"], card["target_from"], card["nodes"]) == ("gfx1010", "kfd", [1])
    assert card["memory"] == {"vram": 8573157376, "visible": 268435456, "shared": 17179869184, "source": "drm"}
    assert answer["looked_at"] == [f"{machine}/sys/bus/pci/devices", f"{machine}/sys/class/kfd"]
    (mine,) = [one for one in answer["support"]["gfx1010"] if one["stack"] == NAME]
    assert (mine["known_bad"], mine["evidence"]) == (["conv2d"], ["ROCm/ROCm#2527"])


def test_without_a_card_it_says_where_it_looked_and_programs_get_their_answer(line: CommandLine, tmp_path: Path):
    machine = put(tmp_path / "machine", BMC)

    outcome = line.run("gpu", "--json", "--sysroot", str(machine))

    assert outcome.code == 3
    assert outcome.error == f"there is no AMD card in `{machine}/sys/bus/pci/devices` and `{machine}/sys/class/kfd`"
    answer = json.loads(outcome.out)
    assert (answer["cards"], answer["support"], len(answer["others"])) == ([], {}, 1)


def test_what_a_cgroup_keeps_is_said(line: CommandLine, tmp_path: Path):
    properties = tmp_path / NODES / "1/properties"
    properties.mkdir(parents=True)

    outcome = line.run("gpu", "--sysroot", str(tmp_path))

    assert (outcome.code, "the kernel keeps 1 of the nodes" in outcome.error) == (3, True)


def test_a_partitioned_card_is_one(line: CommandLine, tmp_path: Path):
    text = shown(line, mi300x_in_parts(tmp_path / "machine"))

    assert text.count("AMD Instinct MI300X  gfx942") == 2
    assert "8 parts, nodes 9 to 16, joined by xGMI with 1 more" in text


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        ("vfio-pci", "vfio-pci: it is kept for a virtual machine"),
        ("radeon", "radeon: for cards that are too old for ROCm"),
        ("", "none has it: run `rocmswitch doctor`"),
        ("amdgpu", "amdgpu, which offers programs no GPU in it: run `rocmswitch doctor`"),
    ],
)
def test_a_card_that_programs_cannot_use_says_why(line: CommandLine, tmp_path: Path, driver: str, said: str):
    machine = put(tmp_path / "machine", replace(RX5700XT, driver=driver, files={}))

    assert f"driver  {said}" in shown(line, machine).replace("driver     ", "driver  ")


def test_an_integrated_card_is_told_from_others(line: CommandLine, tmp_path: Path):
    text = shown(line, put(tmp_path / "machine", RAPHAEL))

    assert "0000:10:00.0, part of the processor" in text
    assert "512 MiB set aside, and 31 GiB of the machine's (GTT)" in text


def test_a_word_that_is_no_card_is_refused(line: CommandLine):
    outcome = line.run("gpu", "--gpu", "rx5700")

    assert (outcome.code, "`rx5700` is not a card like `gfx1010`" in outcome.error) == (2, True)


@pytest.mark.parametrize("word", ["rx5700", "\x1b[31mgfx1010", "gfx1010\nx"])
def test_a_variable_that_names_no_card_is_refused_as_well(line: CommandLine, word: str):
    outcome = line.run("gpu", ROCMSWITCH_GPU=word)

    assert (outcome.code, outcome.out, "\x1b" in outcome.err) == (2, "", False)
    assert "is not a card like `gfx1010`" in outcome.error


def test_a_manifest_that_is_broken_hides_no_other(line: CommandLine):
    line.add_manifest("broken-1.0", b"schema: 9\n")

    outcome = line.run("gpu", "--gpu", "gfx1010", "--json")

    assert (outcome.code, "broken-1.0.yaml" in outcome.err) == (0, True)
    assert NAME in {one["stack"] for one in json.loads(outcome.out)["support"]["gfx1010"]}
