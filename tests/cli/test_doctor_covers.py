"""The faults that AMD's own rocm-cli diagnoses, numbered as its catalogue has them: each is found here too.

Its last three, 13 to 15, are of Windows. What the files of a PyTorch tell (1 and 8) is held by the tests of
those rows as well; here a person runs the program.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rocmswitch.model.gpu import Gpu
from rocmswitch.model.symptoms import CardSymptoms, Clash, Copy, DeviceFile, Symptoms, TreeSymptoms
from rocmswitch.planning.diagnosis import diagnose
from tests.support import sickpackages, sickroots
from tests.support.commandline import CommandLine
from tests.support.kernelmodules import KERNEL
from tests.support.sickframeworks import SICK

CATALOGUE = {
    1: "the card's target is not among those that the framework has code for",
    2: "HSA_OVERRIDE_GFX_VERSION is set without need",
    3: "ROCm, distribution and kernel do not go together",
    4: "the user is not in the group of the device files",
    5: "amdgpu is blacklisted, or not loaded",
    6: "ROCm's programs are not on PATH",
    7: "stale or conflicting repositories",
    8: "the framework is built for another ROCm than it loads",
    9: "a processor's own GPU beside the card",
    10: "a container without the devices",
    11: "an IOMMU and several cards",
    12: "an installation by amdgpu-install was broken off",
}
ROWS = {1: ("target-missing",), 4: ("rights",), 8: ("mixed-rocm", "library", "shadowed", "runpath-shadowed")}
"""Those that take an environment or another user: the rows that find them, held by tests of their own."""
NO_RIGHTS = Symptoms(
    card=CardSymptoms((Gpu(1, "gfx1010"),), devices=(DeviceFile("/dev/kfd", True, False, "render"),), user="ada")
)
_TWICE = Clash("copies", "libamdhip64", (Copy("/a/libamdhip64.so", "DT_RPATH"), Copy("/b", "LD_LIBRARY_PATH")))
CLASHING = Symptoms(trees=(TreeSymptoms("demo", "venv", clashes=(_TWICE,), foreseen=(_TWICE,)),))


@dataclass(frozen=True)
class Fault:
    number: int
    make: Callable[[Path], None]
    found: str
    environment: Mapping[str, str] = field(default_factory=dict)


def nothing(_root: Path) -> None:
    """The fault is in the shell."""


FAULTS = (
    Fault(2, nothing, "override", {"HSA_OVERRIDE_GFX_VERSION": "10.1.0"}),
    Fault(3, sickpackages.build_broken_off, f"dkms-build:amdgpu/6.12.12:{KERNEL}"),
    Fault(5, sickroots.blacklisted, "driver-blacklist:etc/modprobe.d/blacklist-gpu.conf:2"),
    Fault(5, sickroots.without_driver, "driver"),
    Fault(6, sickroots.programs_nowhere, "tools"),
    Fault(7, sickpackages.two_releases, "repositories:rocm"),
    Fault(9, sickroots.integrated_first, "integrated"),
    Fault(10, sickroots.in_a_container, "device"),
    Fault(11, sickroots.two_cards_translated, "iommu"),
    Fault(12, sickpackages.half_configured, "driver-half-configured:amdgpu-dkms"),
)


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sickroots.healthy(tmp_path_factory.mktemp("well") / "machine")


@pytest.fixture
def person(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"SHELL": "/bin/tcsh"})


def told(person: CommandLine, root: Path, **environment: str) -> list[str]:
    outcome = person.run("doctor", "--json", "--sysroot", str(root), **environment)
    found = json.loads(outcome.out)
    assert outcome.code == (4 if any(one["severity"] == "fault" for one in found) else 0), outcome
    return [one["id"] for one in found]


def test_every_fault_of_the_catalogue_has_its_row():
    assert sorted({one.number for one in FAULTS} | ROWS.keys()) == sorted(CATALOGUE)


def test_a_healthy_machine_has_none_of_them(person: CommandLine, well: Path):
    assert told(person, well) == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: f"{one.number}-{one.make.__name__}")
def test_each_is_found_on_a_machine_that_has_it(person: CommandLine, well: Path, tmp_path: Path, fault: Fault):
    root = shutil.copytree(well, tmp_path / "machine", symlinks=True)
    fault.make(root)

    assert told(person, root, **fault.environment) == [fault.found]


def test_rows_that_take_an_environment_or_another_user_are_there():
    found = {one.row for symptoms in (*SICK, NO_RIGHTS, CLASHING) for one in diagnose(symptoms)}

    assert {row for rows in ROWS.values() for row in rows} - found == set()
