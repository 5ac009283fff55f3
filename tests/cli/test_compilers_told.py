"""What compilers and CMake are told of a stack, through all that may become of it: it stays whole and its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.debs import Deb, Library, make_library
from tests.support.keys import SigningKey

ECHO = '#!/bin/sh\nfor one; do echo "$one"; done\n'
LIB = "usr/lib/x86_64-linux-gnu"
OLD, NEW = "usr/lib/llvm-15", "usr/lib/llvm-21"
SETTINGS = f"{NEW}/bin/x86_64-pc-linux-gnu.cfg"
CONFIG = f"{LIB}/cmake/hip/hip-config.cmake"
CLANG = Deb(
    "acme-clang",
    "1.0-1",
    "acme-core",
    files={
        f"{OLD}/bin/clang-15": ECHO,
        f"{OLD}/bin/clang++": ECHO,
        f"{NEW}/bin/clang-21": ECHO,
        f"{NEW}/bin/clang++": ECHO,
        f"{LIB}/libamdhip64.so": Library("libamdhip64.so"),
        CONFIG: "cmake_minimum_required(VERSION 3.3)\nset(HIP_CLANG_ROOT /usr)\n",
        f"{LIB}/cmake/hip-lang/hip-lang-config.cmake": "\n",
    },
)
SETS = {"runtime": ["acme-tools"], "compiler": ["acme-cc (>= 1.0)", "acme-clang"]}


@pytest.fixture
def line(tmp_path: Path, key: SigningKey) -> Iterator[CommandLine]:
    with AcmeSite(tmp_path / "server", key) as site:
        site.repository.add(CLANG)
        site.publish()
        line = CommandLine(tmp_path / "a place, of one's own")
        site.let(line, rocm={"sets": SETS, "environment": {"ROCM_PATH": "{prefix}/usr"}})
        yield line


def told(line: CommandLine, name: str) -> set[str]:
    """Where, by the script of the older clang and by the settings of the newer one, *name*'s programs find HIP."""
    script = line.succeed("run", name, "--", "sh", "-c", '"$HIPCXX"').splitlines()
    settings = (line.layout.prefixes / name / SETTINGS).read_text().replace("\\", "").splitlines()
    return {words[words.index("-rpath") + 2] for words in (script, settings)}


def library_of(line: CommandLine, name: str) -> set[str]:
    return {str(line.layout.prefixes / name / LIB)}


def test_a_set_that_is_added_and_a_repair_leave_it_whole_and_told(line: CommandLine):
    line.succeed("install", NAME, "--set", "runtime", "--yes")
    line.succeed("install", NAME, "--set", "compiler", "--yes")
    assert told(line, NAME) == library_of(line, NAME)
    settings = (line.layout.prefixes / NAME / SETTINGS).resolve()
    settings.parent.chmod(0o755)
    settings.unlink()
    assert line.run("verify", NAME).code == 4

    line.succeed("repair", NAME, "--yes")

    assert told(line, NAME) == library_of(line, NAME)
    line.succeed("verify", NAME)


def test_a_variant_is_told_of_itself_and_its_stack_stays_as_it_was(line: CommandLine, tmp_path: Path):
    line.succeed("install", NAME, "--set", "compiler", "--yes")
    make_library(Library("libamdhip64.so", functions=("more",)), tmp_path / "libamdhip64.so")

    line.succeed("deploy", str(tmp_path / "libamdhip64.so"), "--into", NAME, "--name", "mine", "--yes")

    for name in (NAME, f"{NAME}+mine"):
        assert told(line, name) == library_of(line, name)
        line.succeed("verify", name)
    line.succeed("remove", f"{NAME}+mine", "--yes")
    line.succeed("verify", NAME)
