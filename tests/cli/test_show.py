"""What `show` says of the manifests that travel along."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.therocksite import wheels_alone


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


def section(text: str, title: str) -> list[tuple[str, str]]:
    """The rows under *title*; what was wrapped is joined again."""
    rows: list[tuple[str, str]] = []
    for one in text.partition(f"\n{title}\n")[2].partition("\n\n")[0].splitlines():
        if one.startswith(" "):
            rows[-1] = (rows[-1][0], f"{rows[-1][1]} {one.strip()}")
        else:
            name, _, said = one.partition("  ")
            rows.append((name, said.strip()))
    return rows


def test_builds_of_pytorch_are_shown_with_their_pythons_and_what_they_need(line: CommandLine):
    rows = section(line.succeed("show", "5.2"), "PyTorch")

    assert rows[0] == (
        "1.13.1+rocm5.2",
        "Python 3.7 to 3.10; torchvision 0.14.1, torchaudio 0.13.1; numpy<2; glibc 2.40 or older, or rocmswitch"
        " mends it; LD_LIBRARY_PATH can shadow its libraries; brings ROCm 5.2 along",
    )
    assert [name for name, _ in rows] == ["1.13.1+rocm5.2", "1.13.0+rocm5.2", "2.0.0.dev20230209+rocm5.2"]
    assert rows[-1][1].endswith("; parts unverified")


@pytest.mark.parametrize(
    ("stack", "brought"),
    [
        ("rocm-5.4.0", {"2.0.1+rocm5.4.2": "5.4.2", "2.0.0+rocm5.4.2": "5.4.2"}),
        ("rocm-5.4.2", {}),
        ("rocm-6.2.0", dict.fromkeys(("2.7.1+rocm6.2.4", "2.7.0+rocm6.2.4", "2.6.0+rocm6.2.4"), "6.2.4")),
        ("rocm-6.3.3", {f"{one}+rocm6.3": "6.3" for one in ("2.9.1", "2.9.0", "2.8.0", "2.7.1", "2.7.0")}),
        ("therock-10.1", {}),
    ],
)
def test_wheels_that_bring_another_rocm_say_so(line: CommandLine, stack: str, brought: dict[str, str]):
    rows = section(line.succeed("show", stack), "PyTorch")

    said = {name: found[1] for name, row in rows if (found := re.search(r"brings ROCm ([0-9.]+) along", row))}
    assert said == brought


def test_cards_of_which_the_same_is_known_stand_together(line: CommandLine):
    rows = section(line.succeed("show", "6.2.4"), "GPUs")

    assert (
        "reported",
        "gfx1031 gfx1032 gfx1034; sets HSA_OVERRIDE_GFX_VERSION=10.3.0;"
        " evidence: ROCm/rocBLAS#1339, ROCm/legacy-rocm-build#1797",
    ) in rows
    assert (
        "partial",
        "gfx1010 gfx1011 gfx1012; profiles: rdna1-safe; convolutions not by MIOpen; known to fail: torch, conv2d,"
        " rocrand, rocsparse, rocsolver; evidence: ROCm/ROCm#2527, ROCm/Tensile#1897, pytorch/pytorch#132570;"
        " parts unverified",
    ) in rows


def test_what_was_not_read_in_a_source_is_listed(line: CommandLine):
    ((_, keys),) = section(line.succeed("show", "5.3.2"), "Not read in a source")

    assert {"rocm.miopen", "rocm.sets", "gpus.gfx900.support"} <= set(keys.split(", "))


def test_a_stack_of_wheels_alone_says_how_to_get_it(line: CommandLine):
    line.add_manifest("therock-10.1", wheels_alone("therock-10.1"))

    text = line.succeed("show", "10.1")

    assert "\nsource    https://stable.repo.amd.com/rocm/whl-next/ (wheels)\n" in text
    assert text.endswith("\n`rocmswitch use therock-10.1 --venv NAME` makes an environment with it\n")


def test_every_source_is_shown_with_who_vouches_for_it(line: CommandLine):
    text = " ".join(line.succeed("show", "therock-7.14").split())

    packages = "https://repo.amd.com/rocm/packages-multi-arch"
    assert "source https://repo.amd.com/rocm/whl-multi-arch/ (wheels)" in text
    assert (
        f"{packages}/{{folder}} (apt, stable, for ubuntu2204 ubuntu2404 ubuntu2604 debian12 debian13, key" in text
    )
    assert "key unknown: refused until you state its fingerprint with `--key`" in text
    assert "therock-dist-linux-multiarch-7.14.0.tar.gz (tarball, its hash is recorded on first use" in text
    assert "libraries (apt) amdrocm7.14-{gpu}" in text
    assert "compiler (rpm) amdrocm-runtime-devel7.14, amdrocm-llvm-devel7.14" in text


def test_the_kind_of_source_that_this_machine_would_take_is_shown(line: CommandLine):
    assert re.search(r"^taken +(apt|rpm)", line.succeed("show", "rocm-6.2.4"), re.MULTILINE)


def test_the_size_of_what_was_tested_is_shown(line: CommandLine):
    (row,) = section(line.succeed("show", "debian-5.2.3"), "Size")

    assert re.fullmatch(r"[0-9.]+ MB, [0-9.]+ MB on disk, as tested", row[1])


def test_the_bytes_that_a_card_spares_are_those_of_all_sets(line: CommandLine):
    _, (label, text) = section(line.succeed("show", "debian-7.2.4"), "Size")

    assert label == "all sets"
    assert re.fullmatch(
        r"less with `--gpu`: [0-9.]+ GB for gfx803 gfx900 .*gfx1010 .*, [0-9.]+ GB for gfx90a", text
    )


def test_a_version_that_is_doubted_says_so_beside_it(line: CommandLine):
    assert "\nmiopen    3.1.0 (unverified)\n" in line.succeed("show", "6.1.3")


@pytest.mark.parametrize("name", ["5.2", "6.2.4", "7.2.4", "10.0"])
def test_nothing_but_addresses_and_the_first_line_is_wider_than_the_terminal(line: CommandLine, name: str):
    """Which has 100 columns."""
    shown = line.at_terminal("show", name)

    first, *rest = shown.out.splitlines()
    assert first.startswith(("rocm-", "therock-"))
    assert [one for one in rest if len(one) > 100 and " " in one[20:]] == []
