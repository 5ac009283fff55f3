"""doctor where somebody's tool has replaced torch, and the way back that it names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv

from rocmswitch.model.variables import ACTIVE, CHOSEN
from tests.support.commandline import CommandLine
from tests.support.pytorchsite import PytorchSite

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path / "server", pythons=(TAG,)) as site:
        yield site


@pytest.fixture
def person(tmp_path: Path, site: PytorchSite) -> CommandLine:
    """With an environment `myproj` of ROCm 6.2.4."""
    machine = str(tmp_path / "machine")
    person = CommandLine(tmp_path, {"PIP_INDEX_URL": site.simple, "ROCMSWITCH_SYSROOT": machine})
    site.let(person, "rocm-6.2.4")
    person.succeed("use", "6.2.4", "--venv", "myproj", "--yes")
    return person


def found_by(person: CommandLine, *words: str) -> dict[str, str]:
    """The ids, and the command of each remedy."""
    findings = json.loads(person.run("doctor", "--json", *words).out)
    return {one["id"]: " ".join(one["remedy"]["command"]) for one in findings}


def replace_torch(person: CommandLine, site: PytorchSite) -> None:
    """As `uv sync` does it, which asks no constraints file."""
    python = person.layout.venvs / "myproj/bin/python"
    command = [uv.find_uv_bin(), "pip", "install", "--python", python, "--index-url", site.simple, "torch==99.0"]
    environment = person.variables(UV_CACHE_DIR=str(person.folder / "uv"))
    subprocess.run(command, env=environment, capture_output=True, check=True)


def test_an_environment_that_was_just_made_has_nothing_wrong(person: CommandLine):
    assert (found_by(person), found_by(person, "myproj")) == ({}, {})


def test_a_shell_that_has_entered_it_and_lost_its_programs_is_told(person: CommandLine):
    entered = {ACTIVE: "myproj", CHOSEN: "myproj"}
    own = f"{person.layout.venvs / 'myproj/bin'}:{person.variables()['PATH']}"

    outcome = person.run("doctor", **entered)

    assert "warning: `myproj` is entered, and its programs are not on PATH  [path]" in outcome.out
    assert "fix: run `rocmswitch use myproj`, which puts them first" in outcome.out
    assert "[path]" not in person.run("doctor", **entered, PATH=own).out


def test_a_pinned_environment_whose_wheels_bring_their_own_rocm_needs_no_installed_stack(person: CommandLine):
    (person.home / ".rocm-version").write_text("6.2.4\nmyproj\n")

    assert found_by(person) == {}


def test_a_replaced_torch_is_found_and_the_remedy_brings_it_back(person: CommandLine, site: PytorchSite):
    replace_torch(person, site)

    found = found_by(person)
    assert found == {"replaced:myproj": "use rocm-6.2.4 --venv myproj --rebind"}

    person.succeed(*found["replaced:myproj"].split(), "--yes")
    assert found_by(person, "myproj") == {}


@pytest.mark.parametrize("file", ["constraints.txt", "pip.conf"])
def test_a_lost_protection_is_found_and_the_remedy_brings_it_back(person: CommandLine, file: str):
    (person.layout.venvs / "myproj" / file).unlink()

    found = found_by(person, "myproj")
    assert found == {"unprotected:myproj": "use rocm-6.2.4 --venv myproj --rebind"}

    person.succeed(*found["unprotected:myproj"].split(), "--yes")
    assert found_by(person, "myproj") == {}


def test_a_library_that_was_put_over_the_wheels_own_is_seen_at_once(person: CommandLine):
    assert found_by(person) == {}
    (site,) = (person.layout.venvs / "myproj").glob("lib/python*/site-packages")
    library = site / "torch/lib/libMIOpen.so"
    library.unlink()
    library.write_bytes(b"no library")

    found = found_by(person)

    assert list(found) == ["import:myproj"]


def test_what_is_shown_has_the_environment_and_the_reason(person: CommandLine, site: PytorchSite):
    replace_torch(person, site)

    outcome = person.run("doctor", "myproj")

    assert (outcome.code, outcome.error) == (4, "found 1 fault")
    assert re.search(r"why: `torch` is 99\.0, not 2\.7\.1\+rocm6\.2\.4", outcome.out)
