"""ROCm 7.2.4 of Debian, which needs a newer C library than this machine has: compiled with and run, for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.host.facts import read_host
from rocmswitch.metadata.debversion import version_key
from rocmswitch.metadata.elf import parse_elf
from rocmswitch.store.receipts import read_receipt
from tests.support.cmakeproject import CMake
from tests.support.commandline import CommandLine

STACK = "debian-7.2.4"
NEEDS = "2.38"
CHECKOUT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.network,
    pytest.mark.system,
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="the stack is for x86-64"),
    pytest.mark.skipif(
        bool(read_host().glibc) and version_key(read_host().glibc) >= version_key(NEEDS),
        reason=f"this machine's C library is new enough: {read_host().glibc}",
    ),
]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """With the compiler set, as its lock was tested: 175 MB to download."""
    line = CommandLine(tmp_path_factory.mktemp("person"))
    command = [sys.executable, "-m", "rocmswitch", "install", STACK, "--set", "compiler", "--locked", "--yes"]
    done = subprocess.run(command, env=line.variables(), capture_output=True, text=True, timeout=400, check=False)
    assert (done.returncode, done.stderr[-2000:] if done.returncode else "") == (0, "")
    yield line
    # A tree is read-only, and nearly a gigabyte: pytest would keep three of them.
    subprocess.run(["chmod", "-R", "u+w", line.folder], check=True)
    shutil.rmtree(line.folder)


def test_a_program_that_hipcc_makes_runs_here_by_itself_with_the_tree_s_loader(line: CommandLine, tmp_path: Path):
    made = tmp_path / "saxpy"
    source = str(CHECKOUT / "scripts/saxpy.hip")
    line.succeed("run", STACK, "--", "hipcc", "--offload-arch=gfx1010", source, "-o", str(made))

    printed = subprocess.check_output([made], text=True, env={})
    code = [sys.executable, str(CHECKOUT / "scripts/code_object.py"), str(made), "gfx1010"]

    assert "HIP runtime 702" in printed
    assert "flags 0x133: gfx1010" in subprocess.check_output(code, text=True)
    with made.open("rb") as file:
        facts = parse_elf(file)
    assert facts is not None
    assert facts.interpreter.startswith(f"{line.layout.prefixes / STACK}/base/")


def test_cmake_builds_programs_and_libraries_that_start_by_the_tree_s_loader(line: CommandLine, tmp_path: Path):
    cmake = CMake.installed("4.1.0", tmp_path / "cmake")
    compiler = line.succeed("run", STACK, "--", "printenv", "HIPCXX").strip()

    made = cmake.build(line, STACK, tmp_path, f"-DCMAKE_CXX_COMPILER={compiler}")

    assert "HIP runtime 702" in subprocess.check_output([made / "saxpy"], text=True, env={})
    assert subprocess.check_output([made / "asking"], text=True, env={}).startswith("702")


@pytest.mark.skipif(not Path("/usr/include/zlib.h").exists(), reason="needs zlib.h (apt install zlib1g-dev)")
def test_hipcc_links_with_libraries_of_the_machine_that_are_not_carried(line: CommandLine, tmp_path: Path):
    (tmp_path / "z.cpp").write_text("#include <zlib.h>\n#include <cstdio>\nint main() { puts(zlibVersion()); }\n")
    made = tmp_path / "z"

    line.succeed("run", STACK, "--", "hipcc", str(tmp_path / "z.cpp"), "-lz", "-o", str(made))

    assert subprocess.check_output([made], text=True, env={}).startswith("1.")


def test_the_machine_s_own_linker_stays_the_first_inside(line: CommandLine):
    own = shutil.which("ld")

    found = line.run("run", STACK, "--", "sh", "-c", "command -v ld").out.strip()

    assert own is None or found == own


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("hipcc", "--version"), "HIP version: 7.2"),
        (("hipconfig",), "HIP_PLATFORM         :amd"),
        (("rocminfo",), ""),
        (("rocm-smi",), ""),
        (("rocm-smi", "--help"), "AMD ROCm System Management Interface"),
    ],
    ids=" ".join,
)
def test_the_tools_start(line: CommandLine, command: tuple[str, ...], said: str):
    outcome = line.run("run", STACK, "--", *command)

    printed = " ".join((outcome.out + outcome.err).split())
    assert " ".join(said.split()) in printed
    assert "GLIBC" not in printed
    assert "rror while loading" not in printed
    assert "nable to load" not in printed


def test_the_tree_is_as_it_was_installed_and_nothing_of_the_machine_is_left_for_it(line: CommandLine):
    line.succeed("verify", STACK)

    receipt = read_receipt(line.layout.prefixes / STACK)
    assert (receipt.host, receipt.loader[:5]) == ((), "base/")
