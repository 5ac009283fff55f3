"""`rocmswitch doctor` on environments that others made, and on ours, by the files of their PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.frameworks import PYTHON, conda_folder, foreign_venv, kernel_files, put_code, put_torch
from tests.support.kfd import RX5700XT, plug
from tests.support.offloadbundles import bundle, packed, section
from tests.support.pytorchwheels import Build
from tests.support.torchenvironment import Person

BUILD = Build("2.7.1+rocm6.2.4", "6.2.41134")


@pytest.fixture
def person(tmp_path: Path) -> CommandLine:
    """At a machine with an RX 5700 XT."""
    plug(tmp_path / "machine", RX5700XT)
    return CommandLine(tmp_path, {"ROCMSWITCH_SYSROOT": str(tmp_path / "machine")})


def about_torch(line: CommandLine, *words: str, **environment: str) -> dict[str, str]:
    """The ids of what is found in files of PyTorch, and the remedies."""
    found = json.loads(line.run("doctor", "--json", *words, **environment).out)
    rows = ("target-missing", "override-code", "blas-kernels-missing", "not-for-rocm", "numpy-2", "wrong-python")
    return {one["id"]: one["remedy"]["text"] for one in found if one["id"].startswith(rows)}


def test_a_torch_without_code_for_the_card_is_shown_with_what_it_has(person: CommandLine, tmp_path: Path):
    folder = foreign_venv(tmp_path / "their env", BUILD)
    library = put_code(folder, section(packed(bundle("gfx1030", "gfx90a"))))

    outcome = person.run("doctor", str(folder))

    assert outcome.code == 4
    assert (
        f"fault: torch in `{folder}` has no code for gfx1010  [target-missing:{folder}]\n"
        "  why: `libtorch_hip.so` has code for gfx90a, gfx1030: what it computes on the card ends in "
        f"`invalid device function` or `hipErrorNoBinaryForGpu` ({library})\n"
        "  fix: run `rocmswitch use therock-10.1 --venv NAME`: it is known to work on gfx1010\n"
    ) in outcome.out


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_the_environment_that_a_shell_is_in_is_looked_at_without_its_name(
    person: CommandLine, tmp_path: Path, variable: str
):
    folder = foreign_venv(tmp_path / "their env", BUILD)
    put_code(folder, section(bundle("gfx1030")))

    assert list(about_torch(person, **{variable: str(folder)})) == [f"target-missing:{folder}"]


@pytest.mark.parametrize("value", ["/nowhere", "relative", "", "/proc/self/environ", "/etc"])
def test_an_environment_that_is_gone_or_has_no_torch_is_no_finding(person: CommandLine, value: str):
    assert about_torch(person, VIRTUAL_ENV=value) == {}


def test_what_a_fish_types_takes_an_override_away(person: CommandLine, tmp_path: Path):
    folder = foreign_venv(tmp_path / "env", BUILD)
    put_code(folder, section(bundle("gfx1010", "gfx1030")))
    kernel_files(folder, "gfx1030")
    override = {"HSA_OVERRIDE_GFX_VERSION": "10.3.0", "SHELL": "/usr/bin/fish"}

    found = about_torch(person, VIRTUAL_ENV=str(folder), **override)

    assert found[f"override-code:{folder}"] == "run `set -e HSA_OVERRIDE_GFX_VERSION`"


def test_an_override_is_said_to_be_one(person: CommandLine, tmp_path: Path):
    folder = foreign_venv(tmp_path / "env", BUILD)
    put_code(folder, section(bundle("gfx1030")))
    kernel_files(folder, "gfx1030")

    found = about_torch(person, str(folder), HSA_OVERRIDE_GFX_VERSION="10.3.0")

    assert list(found) == [f"override-code:{folder}"]


@pytest.mark.parametrize("word", ["", "bin/python"])
def test_a_conda_environment_is_named_by_its_folder_or_its_python(person: CommandLine, tmp_path: Path, word: str):
    folder = conda_folder(tmp_path / "conda", BUILD)
    put_code(folder, section(bundle("gfx1100")))

    assert len(about_torch(person, str(folder / word))) == 1


def test_what_was_installed_for_the_user_is_named_user(person: CommandLine):
    base = person.home / ".local"
    (base / f"lib/python{PYTHON}/site-packages").mkdir(parents=True)
    put_torch(base, Build("2.6.0+cpu"))

    assert list(about_torch(person, "user")) == ["not-for-rocm:user"]


def test_a_card_may_be_named_that_is_not_here(person: CommandLine, tmp_path: Path):
    folder = foreign_venv(tmp_path / "env", BUILD)
    put_code(folder, section(bundle("gfx1030")))
    kernel_files(folder, "gfx1030")

    assert about_torch(person, str(folder), "--gpu", "gfx1030") == {}


def test_one_of_ours_is_looked_at_with_all_else_and_by_its_name(person: CommandLine, tmp_path: Path):
    demo = Person(tmp_path, BUILD, home="rocmswitch")
    put_code(demo.tree, section(bundle("gfx900")))

    found = [about_torch(person, *words) for words in ((), ("demo",))]

    command = "rocmswitch use therock-10.1 --venv demo --gpu gfx1010 --rebind"
    assert found == [{"target-missing:demo": f"run `{command}`: it is known to work on gfx1010"}] * 2


@pytest.mark.parametrize("word", ["./nothing", "python9.9", "user", "/"])
def test_what_is_no_environment_is_not_found(person: CommandLine, word: str):
    outcome = person.run("doctor", word)

    assert (outcome.code, bool(outcome.error)) == (3, True)


def test_an_environment_without_pytorch_is_told_so(person: CommandLine, tmp_path: Path):
    folder = tmp_path / "env/lib/python3.11/site-packages"
    folder.mkdir(parents=True)
    (tmp_path / "env/pyvenv.cfg").touch()

    outcome = person.run("doctor", str(tmp_path / "env"))

    assert (outcome.code, outcome.error) == (
        3,
        f"`{tmp_path / 'env'}` has no PyTorch: there is no `torch` among its packages",
    )
