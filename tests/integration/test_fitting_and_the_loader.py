"""What is said of a library before it is put somewhere, against what the real loader then does with it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rocmswitch.host.incoming import read_incoming
from rocmswitch.host.libraryfiles import place_files
from rocmswitch.host.neighbours import survey
from rocmswitch.host.sites import environment_site
from rocmswitch.planning.deployment import DeploymentPlan, plan_deployment
from tests.support.elflibraries import Library, linked
from tests.support.patched import MIOPEN, described, foreign, patched, write

ELSEWHERE = Library("libsqlite9.so.0", "libsqlite9.so.0", "sqlite9", search="")
HIP5 = Library("libamdhip64.so.5", "libamdhip64.so.5", "hipInit", version="hip_4.2", search="")
HIP6 = Library("libamdhip64.so.6", "libamdhip64.so.6", "hipInit", version="hip_4.2", search="")
BLAS = Library("librocblas.so.4", "librocblas.so.4", "rocblas_create_handle", search="")
NEWER = Library("libamdhip64.so.6", "libamdhip64.so.6", "hipInit", version="hip_9", search="")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    return foreign(tmp_path / "my env")


def planned(packages: Path, *files: Path) -> DeploymentPlan:
    site = environment_site(packages.parents[2], "my env")
    placings = place_files(site, read_incoming([str(one) for one in files]))
    return plan_deployment(site, placings, survey(site, placings))


def put(plan: DeploymentPlan) -> None:
    """As a deployment ends."""
    for one, source in zip(plan.replacements, plan.sources, strict=True):
        write(Path(one.root, one.path), Path(source).read_bytes())


def loads(packages: Path) -> bool:
    """Whether what loads all the others is loaded, with all that it calls, by a Python of the environment."""
    program = (
        "import ctypes, sys; ctypes.CDLL(sys.argv[1]).torch_hip_all(); ctypes.CDLL(sys.argv[2]).miopenCreate_all()"
    )
    paths = [str(packages / "torch/lib/libtorch_hip.so"), str(packages / MIOPEN)]
    done = subprocess.run(
        [str(packages.parents[2] / "bin/python"), "-c", program, *paths], capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, []),
        ({"soname": "libMIOpen.so"}, []),
        ({"search": ""}, []),
        ({"search": "runpath", "folders": ("/opt/rocm-6.2.4/lib",)}, []),
        ({"calls": (HIP6, BLAS), "search": ""}, []),
        ({"calls": (HIP6, BLAS), "search": "runpath", "folders": ("/opt/rocm-6.2.4/lib",)}, []),
        ({"calls": (ELSEWHERE,)}, ["needed"]),
        ({"calls": (HIP5,)}, ["needed"]),
        ({"calls": (NEWER,)}, ["version"]),
    ],
)
def test_what_is_said_to_fit_loads_and_what_is_not_does_not(
    packages: Path, tmp_path: Path, changes: dict[str, object], kinds: list[str]
):
    built = write(tmp_path / "built here/libMIOpen.so.1", patched(**changes))
    assert loads(packages)

    plan = planned(packages, built)
    put(plan)

    assert ([one.kind for one in plan.problems], loads(packages)) == (kinds, not kinds)


def test_a_version_that_others_need_and_the_new_one_lost_keeps_them_from_loading(packages: Path, tmp_path: Path):
    plan = planned(packages, write(tmp_path / "libamdhip64.so", patched("libamdhip64.so", version="hip_9")))
    put(plan)

    said = [one.what for one in plan.problems]
    assert (said[0], len(said), loads(packages)) == (
        "`libMIOpen.so` needs `hip_4.2` of `libamdhip64.so`, which it does not define",
        *(3, False),
    )


def test_a_library_that_lost_all_its_versions_still_loads(packages: Path, tmp_path: Path):
    plan = planned(packages, write(tmp_path / "libamdhip64.so", patched("libamdhip64.so", version="")))
    put(plan)

    assert (plan.problems, loads(packages)) == ((), True)


def test_libraries_that_fit_only_together_are_told_so(packages: Path, tmp_path: Path):
    renewed = Library("libamdhip64.so", "libamdhip64.so.6", "hipInit", version="hip_9")
    others = {name: described(name) for name in ("libMIOpen.so", "librocblas.so", "libtorch_hip.so")}
    hip = write(tmp_path / "libamdhip64.so", patched("libamdhip64.so", version="hip_9"))
    rest = [
        write(
            tmp_path / name, patched(name, calls=tuple(renewed if "hip6" in two.file else two for two in one.calls))
        )
        for name, one in others.items()
    ]

    assert [len(planned(packages, *files).problems) for files in ((hip,), (*rest,), (hip, *rest))] == [3, 3, 0]
    put(planned(packages, hip, *rest))
    assert loads(packages)


def test_a_library_that_finds_a_second_copy_elsewhere_is_not_taken_for_good(packages: Path, tmp_path: Path):
    write(tmp_path / "opt/lib/libamdhip64.so.5", linked(HIP5))
    built = patched(calls=(HIP5,), search="rpath", folders=(str(tmp_path / "opt/lib"),))

    plan = planned(packages, write(tmp_path / "libMIOpen.so", built))

    assert [one.what for one in plan.problems] == [
        f"it needs `libamdhip64.so.5`, which would be `{tmp_path}/opt/lib/libamdhip64.so.5`, a second copy beside"
        f" `{packages}/torch/lib/libamdhip64.so`"
    ]


def test_the_libraries_of_this_machine_count(packages: Path, tmp_path: Path):
    source = b"#include <math.h>\nint miopenCreate(void) { return (int)cbrt(miopenCreate != 0); }\n"
    built = tmp_path / "libMIOpen.so"
    options = ["-shared", "-fPIC", "-Wl,--no-as-needed", "-Wl,-soname,libMIOpen.so.1", "-lm", "-lstdc++"]
    subprocess.run(["gcc", "-x", "c", "-", "-x", "none", "-o", built, *options], input=source, check=True)

    assert planned(packages, built).problems == ()


def test_pipes_and_texts_beside_it_are_no_neighbours(packages: Path, tmp_path: Path):
    os.mkfifo(packages / "torch/lib/libpipe.so")
    write(packages / "torch/lib/libtext.so", b"GROUP ( libc.so.6 )")
    (packages / "torch/lib/liblost.so").symlink_to("gone")

    assert planned(packages, write(tmp_path / "libMIOpen.so", patched())).problems == ()
