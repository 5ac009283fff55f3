"""What `doctor` says of the kernels of a machine: a sound one, a broken one, a container."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.breaking import in_tree_files, truncate_in_tree
from tests.support.commandline import CommandLine
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import kernel_root


@pytest.fixture
def person(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"SHELL": "/bin/tcsh"})


def found(line: CommandLine, root: Path) -> dict[str, str]:
    """What is wrong there, by id, and how bad it is."""
    told = json.loads(line.run("doctor", "--json", "--sysroot", str(root)).out)
    return {one["id"]: one["severity"] for one in told}


def test_nothing_is_wrong_with_a_sound_machine(person: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "machine", programs=True)

    outcome = person.run("doctor", "--sysroot", str(root))

    assert (outcome.code, outcome.out) == (0, "")


def test_the_next_boot_that_loses_the_card_is_a_fault(person: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "machine")
    truncate_in_tree(root)

    outcome = person.run("doctor", "--sysroot", str(root))

    assert outcome.code == 4
    assert f"fault: the next boot of kernel {KERNEL} loses the GPU  [driver-lost:{KERNEL}]\n" in outcome.out
    assert f"recover --root {root}`" in outcome.out


def test_a_module_that_is_not_its_packages_is_found(person: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "machine")
    (file,) = in_tree_files(root)
    file.write_bytes(file.read_bytes() + b"more")

    assert any(one.startswith("driver-") for one in found(person, root))


def test_looking_changes_nothing_there(person: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "machine")
    truncate_in_tree(root)
    before = sorted((str(one), one.lstat().st_mtime_ns) for one in root.rglob("*"))

    person.run("doctor", "--sysroot", str(root))

    assert sorted((str(one), one.lstat().st_mtime_ns) for one in root.rglob("*")) == before


def test_in_a_container_nothing_is_said_of_kernels(person: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "machine")
    truncate_in_tree(root)
    (root / ".dockerenv").touch()

    assert found(person, root) == {}


def test_a_machine_without_kernels_has_none_to_speak_of(person: CommandLine, tmp_path: Path):
    assert found(person, tmp_path) == {}
