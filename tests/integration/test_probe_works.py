"""Where PyTorch works every operation of the probe ends well on a processor; any Python says what fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rocmswitch.errors import Failed, MachineLacks, NotFound
from rocmswitch.host.probechild import START
from rocmswitch.model.probe import OK, Report
from rocmswitch.operations import probe
from rocmswitch.operations.probe import Wanted
from rocmswitch.planning.probing import operations
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from tests.support.cputorch import cpu_torch
from tests.support.eachpython import python as python
from tests.support.probes import GENEROUS, planned, tried
from tests.support.sabotage import sabotaged


@pytest.fixture(scope="module")
def report() -> Report:
    return tried(cpu_torch())


def test_every_operation_ends_well(report: Report):
    bad = {one.operation.name: (one.result, one.detail) for one in report.outcomes if one.result != OK}

    assert bad == {}
    assert tuple(one.operation for one in report.outcomes) == operations()


def test_a_time_and_a_difference_are_told_of_each(report: Report):
    without = [one.operation.name for one in report.outcomes if one.seconds <= 0 or one.difference is None]

    assert without == []


SLOW_AND_HEARD = """
import time
def heard(word, function, pause):
    def run(*words, **more):
        time.sleep(pause)
        with open({heard!r}, "a") as file:
            file.write(word + " ")
        return function(*words, **more)
    return run
F.conv1d = heard("convolves", F.conv1d, 0.6)
torch.randn = heard("draws", torch.randn, 0)
"""


def test_what_takes_long_is_not_repeated_until_its_deadline_has_passed(tmp_path: Path):
    """Nor is what it takes to draw random numbers a part of its time."""
    heard = tmp_path / "heard"
    environment = sabotaged(tmp_path, SLOW_AND_HEARD.format(heard=str(heard)))

    (one,) = tried(environment, "conv1d-float32-backward").outcomes

    assert (one.result, one.spread, one.seconds > 0.5) == (OK, 0.0, True)
    assert heard.read_text().split() == ["draws"] * 4 + ["convolves", "draws", "convolves"]


def test_rounding_is_far_below_what_counts_as_wrong(report: Report):
    """Otherwise another processor could fail."""
    limits = {"float32": 3e-5, "float16": 4e-3, "bfloat16": 1e-2, "float64": 1e-13, "int64": 0.0}

    told = [
        one for one in report.outcomes if one.difference is None or one.difference > limits[one.operation.dtype]
    ]
    assert told == []


def test_the_report_says_where_it_ran(report: Report):
    where = report.surroundings

    assert (where.device, where.target, where.card, where.hip, where.cuda) == ("cpu", "", "", "", "")
    assert (where.venv, where.stack) == (str(cpu_torch()), "")
    assert where.torch == cpu_torch().name.rpartition("-")[0]
    assert re.fullmatch(r"3\.[0-9]+\.[0-9]+", where.python)
    assert (where.kernel, where.convolutions) == (os.uname().release, "vendor")
    assert re.fullmatch(r"[0-9]\.[0-9]+", where.glibc)
    assert where.is_substitute and not report.is_partial


def test_variables_that_change_rocm_are_recorded_and_others_are_not(tmp_path: Path):
    installed = Installed([Layout.under(tmp_path / "rocmswitch")])
    others = {"AWS_SECRET": "secret", "NCCL_VERSION": "2.21"}
    told = {"HSA_OVERRIDE_GFX_VERSION": "10.3.0", "ROCMSWITCH_CONV": "off", **others}
    wanted = Wanted(("tensors-create-float32",), device="cpu", deadline=GENEROUS)
    plan = probe.plan(str(cpu_torch()), installed, {**os.environ, **told}, wanted)

    report = probe.execute(plan, lambda _: None)

    recorded = dict(report.surroundings.environment)
    assert recorded.items() >= {"HSA_OVERRIDE_GFX_VERSION": "10.3.0", "ROCMSWITCH_CONV": "off"}.items()
    assert recorded.keys().isdisjoint(others)


def test_a_card_is_not_looked_for_in_a_torch_for_processors(tmp_path: Path):
    installed = Installed([Layout.under(tmp_path / "rocmswitch")])
    plan = probe.plan(str(cpu_torch()), installed, os.environ, Wanted(device="cuda"))

    with pytest.raises(MachineLacks, match="was built for processors alone"):
        probe.execute(plan, lambda _: None)


def environment_of(python: str, folder: Path, torch: str) -> Path:
    """Of that Python, with a module of that source in the place of PyTorch."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "torch.py").write_text(torch)
    return folder


STAND_IN = """
import types
__version__ = "1.13.1"
version = types.SimpleNamespace(hip=None, cuda=None)
cuda = types.SimpleNamespace(is_initialized=lambda: False)
"""


def test_processes_are_started_and_their_ends_told_on_every_python(tmp_path: Path, python: str):
    """A stand-in for torch suffices for that; its first function that is missing is the error of all."""
    environment = environment_of(python, tmp_path / "env", STAND_IN)

    report = tried(environment, "matmul-256-float32", "training")

    missing = "AttributeError: module 'torch' has no attribute 'backends'"
    assert [(one.result, one.detail) for one in report.outcomes] == [("error", missing)] * 2
    assert report.surroundings.torch == "1.13.1"


def test_an_environment_without_torch_is_told_as_such(tmp_path: Path):
    environment = environment_of(sys.executable, tmp_path / "env", "")
    (found,) = environment.glob("lib/python3*/site-packages/torch.py")
    found.unlink()

    with pytest.raises(NotFound, match="there is no PyTorch in"):
        tried(environment, "matmul")


def test_a_python_that_is_none_is_told_as_such(tmp_path: Path):
    environment = environment_of(sys.executable, tmp_path / "env", "")
    (environment / "bin/python").unlink()
    (environment / "bin/python").write_bytes(b"\x7fELF of another machine")
    (environment / "bin/python").chmod(0o755)

    with pytest.raises(Failed, match=r"cannot be run: Exec format error"):
        tried(environment, "matmul")


def test_modules_of_the_environment_are_not_hidden_by_those_of_the_probe(tmp_path: Path):
    """Also for packages of the user alone, for which Python is not isolated."""
    asked = "import sys; sys.argv = ['start.py', '0', '0', '0', '1']\nimport runpy\n"
    asked += f"runpy.run_path({str(START)!r})['load_package']()\nimport tensors"
    for flags in (["-I"], ["-E"]):
        done = subprocess.run([sys.executable, *flags, "-c", asked], capture_output=True, text=True, check=False)
        assert "No module named 'tensors'" in done.stderr


def test_no_bytecode_is_left_beside_the_program(tmp_path: Path):
    environment = environment_of(sys.executable, tmp_path / "env", STAND_IN)
    before = sorted(START.parent.rglob("*"))

    probe.execute(planned(environment, "training"), lambda _: None)

    assert sorted(START.parent.rglob("*")) == before
    assert not list(environment.rglob("torch*.pyc"))
