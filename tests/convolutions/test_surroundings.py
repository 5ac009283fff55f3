"""What PyTorch puts round convolutions works with ours, and installing keeps its promises."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from tests.support.convolutionprograms import ALL, PROGRAMS, run_program

WITHOUT_A_PASS = ("a_torch_without_what_is_needed_is_left_alone",)


def checks(program: str) -> list[str]:
    """The names of a program's checks, as it defines them."""
    lines = (PROGRAMS / f"{program}.py").read_text().splitlines()
    return [line[4 : line.index("(")] for line in lines if line.startswith("def ") and line.endswith("() -> str:")]


PLAIN = [(program, check) for program in ("surroundings", "promises") for check in checks(program)]
COMPILED = {
    "aot_eager": checks("compiling"),
    # Each takes a compiler of C++ a quarter of a minute.
    "inductor": checks("compiling") if ALL else ["a_compiled_network_keeps_channels_last"],
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def outcomes_of(program: str, *words: str) -> Mapping[str, Any]:
        return run_program(tmp_path_factory.mktemp(program), program, *words)

    return outcomes_of


def test_there_are_checks_enough():
    assert len(PLAIN) >= 32
    assert len(checks("compiling")) >= 5


@pytest.mark.parametrize(("program", "check"), PLAIN)
def test_it_holds_that(program: str, check: str, outcomes: Any):
    found = outcomes(program)[check]

    assert found["wrong"] == ""
    assert found["ours"] > 0 or check in WITHOUT_A_PASS


@pytest.mark.parametrize(("backend", "check"), [(one, check) for one in COMPILED for check in COMPILED[one]])
def test_it_holds_under_torch_compile_that(backend: str, check: str, outcomes: Any):
    if backend == "inductor" and not shutil.which("g++"):
        pytest.skip("inductor compiles for processors with g++, which is not here")

    found = outcomes("compiling", backend, *COMPILED[backend])[check]

    assert found["wrong"] == ""
    assert found["ours"] > 0
