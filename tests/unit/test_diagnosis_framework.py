"""What the files of a PyTorch tell: whether it fits its Python, this machine, and itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.finding import Finding
from rocmswitch.model.framework import Framework, FrameworkLibrary, FrameworkSymptoms
from rocmswitch.model.symptoms import CardSymptoms, Symptoms
from rocmswitch.planning.diagnosis_framework import ROWS

SITE = "/e/lib/python3.11/site-packages"
FRAMEWORK = Framework(f"{SITE}/torch", "2.7.1+rocm6.2.4", "6.2.41134", tags=("cp311-cp311-linux_x86_64",))
OURS = FrameworkSymptoms(
    *("myproj", "/data/venvs/myproj", FRAMEWORK),
    stack="rocm-6.2.4",
    python="cp311",
    packages_for="cp311",
    glibc="2.36",
    defined=("GLIBCXX_3.4.30", "GLIBCXX_3.4.9", "CXXABI_1.3.13"),
)
FOREIGN = replace(OURS, name="./my env", place="/e", kind="foreign")


def library(file: str, **facts: object) -> FrameworkLibrary:
    return replace(FrameworkLibrary(f"{SITE}/torch/lib/{file}"), **facts)


def diagnosed(one: FrameworkSymptoms, *, card: str = "gfx1010") -> list[Finding]:
    symptoms = Symptoms(card=CardSymptoms(target=card), frameworks=(one,))
    return [finding for row in ROWS for finding in row(symptoms)]


def short(one: FrameworkSymptoms, *, card: str = "gfx1010") -> list[tuple[str, str, str]]:
    """The id, how bad it is, and what to do."""
    found = diagnosed(one, card=card)
    return [(one.id, one.severity, one.remedy.text if one.remedy else "") for one in found]


def having(one: FrameworkSymptoms, *libraries: FrameworkLibrary, **changes: object) -> FrameworkSymptoms:
    return replace(one, framework=replace(one.framework, libraries=libraries, **changes))


def test_nothing_is_wrong_with_a_torch_that_fits():
    core = library("libtorch_hip.so", search="rpath", needs=("CXXABI_1.3.9", "GLIBC_2.28", "GLIBCXX_3.4.22"))

    assert [short(having(one, core)) for one in (OURS, FOREIGN)] == [[], []]


@pytest.mark.parametrize(
    ("cuda", "card", "severity"),
    [("", "gfx1010", "warning"), ("12.4", "gfx1010", "fault"), ("12.4", "", "note"), ("", "", "note")],
)
def test_a_torch_without_hip_in_anothers_environment_is_told(cuda: str, card: str, severity: str):
    framework = Framework(f"{SITE}/torch", "2.13.0+cpu", cuda=cuda, tells_itself=True)

    assert short(replace(FOREIGN, framework=framework), card=card) == [
        ("not-for-rocm:./my env", severity, "run `rocmswitch recommend`")
    ]


def test_of_a_torch_whose_version_file_cannot_be_read_nothing_is_said():
    assert short(replace(FOREIGN, framework=Framework(f"{SITE}/torch", "2.13.0"))) == []


def test_a_torch_for_processors_in_one_of_ours_was_asked_for():
    assert short(replace(OURS, framework=Framework(f"{SITE}/torch", "2.13.0+cpu", tells_itself=True))) == []


def test_a_torch_without_hip_is_replaced_by_what_works_on_the_card():
    framework = Framework(f"{SITE}/torch", "2.13.0+cu124", cuda="12.4", tells_itself=True)
    (found,) = short(replace(FOREIGN, framework=framework, better="therock-10.1"))

    assert found[2] == "run `rocmswitch use therock-10.1 --venv NAME`"


@pytest.mark.parametrize(
    ("python", "tags"),
    [
        ("cp313", ("cp311-cp311-linux_x86_64",)),
        ("cp310", ("cp311-abi3-manylinux_2_28_x86_64",)),
        ("cp313t", ("cp313-cp313-linux_x86_64",)),
        ("cp37", ("cp37-cp38-linux_x86_64",)),
    ],
)
def test_a_wheel_for_another_python_is_a_fault(python: str, tags: tuple[str, ...]):
    one = replace(OURS, python=python, packages_for=python, framework=replace(FRAMEWORK, tags=tags))

    assert short(one) == [
        ("wrong-python:myproj", "fault", "run `rocmswitch use rocm-6.2.4 --venv myproj --rebind`")
    ]


@pytest.mark.parametrize(
    ("python", "tags"),
    [
        ("cp311", ("cp310-cp310-linux_x86_64", "cp311-cp311-linux_x86_64")),
        ("cp312", ("cp39-abi3-manylinux_2_28_x86_64",)),
        ("cp312", ("py3-none-any",)),
        ("cp313t", ("cp313-cp313t-linux_x86_64",)),
        ("cp37", ("cp37-cp37m-linux_x86_64",)),
        ("cp312", ()),
        ("pp310", ("cp310-cp310-linux_x86_64",)),
    ],
)
def test_a_wheel_that_fits_or_does_not_say_is_no_fault(python: str, tags: tuple[str, ...]):
    one = replace(OURS, python=python, packages_for=python, framework=replace(FRAMEWORK, tags=tags))

    assert short(one) == []


def test_an_environment_whose_python_was_upgraded_below_it_is_told_with_both_versions():
    (found,) = diagnosed(replace(FOREIGN, python="cp313", stack=""))

    assert (found.id, found.what, found.remedy and found.remedy.text) == (
        "wrong-python:./my env",
        "the packages of `./my env` are for Python 3.11, and its Python is not",
        "make the environment anew with Python 3.11, and install torch into it again",
    )


def test_an_older_glibc_than_a_library_asks_for_is_a_fault_that_names_both():
    hip = library("libamdhip64.so", needs=("GLIBC_2.38",))
    (found,) = diagnosed(having(OURS, library("libtorch_hip.so", needs=("GLIBC_2.28",)), hip))

    assert (found.id, found.severity, found.where, found.why) == (
        "old-glibc:myproj",
        "fault",
        hip.path,
        "`libamdhip64.so` asks for GLIBC_2.38, and the newest here is GLIBC_2.36: the loader refuses it",
    )


def test_versions_are_compared_as_versions():
    assert short(having(OURS, library("libtorch_cpu.so", needs=("GLIBC_2.4", "GLIBCXX_3.4.9")))) == []


def test_an_older_libstdcxx_is_a_fault_of_its_own():
    found = short(having(OURS, library("libtorch_cpu.so", needs=("GLIBCXX_3.4.32",))))

    assert [one[:2] for one in found] == [("old-libstdcxx:myproj", "fault")]


def test_a_manifest_that_wants_a_newer_glibc_leads_to_an_older_torch():
    found = short(replace(OURS, glibc="2.27", glibc_min="2.28", older="2.5.1+rocm6.2"))

    text = "run `rocmswitch use rocm-6.2.4 --venv myproj --torch 2.5.1+rocm6.2 --rebind`"
    assert found == [("old-glibc:myproj", "fault", text)]


def test_where_the_c_library_is_not_known_nothing_is_said_of_it():
    one = having(replace(OURS, glibc="", defined=()), library("libamdhip64.so", needs=("GLIBC_2.99",)))

    assert short(replace(one, glibc_min="2.99")) == []


@pytest.mark.parametrize(("glibc", "severity"), [("2.41", "fault"), ("2.40", "note"), ("2.5", "note")])
def test_an_executable_stack_is_a_fault_where_glibc_refuses_it(glibc: str, severity: str):
    found = short(replace(having(OURS, library("libamdhip64.so", executable_stack=True)), glibc=glibc))

    assert [one[:2] for one in found] == [("executable-stack:myproj", severity)]


def test_the_flag_is_taken_from_ours_by_making_it_anew_and_from_others_by_a_deployment():
    asking = library("libamdhip64.so", executable_stack=True)
    ours, foreign = (short(replace(having(one, asking), glibc="2.41"))[0][2] for one in (OURS, FOREIGN))

    assert ours == "run `rocmswitch use rocm-6.2.4 --venv myproj --rebind`"
    assert foreign == (
        f"run `cp {asking.path} . && patchelf --clear-execstack libamdhip64.so && "
        "rocmswitch deploy ./libamdhip64.so --into './my env'` with patchelf 0.18 or later; "
        "or `rocmswitch use rocm-6.2.4 --venv NAME`, which does so by itself"
    )


def test_the_manifests_last_glibc_is_told_beside_the_flag():
    one = replace(having(OURS, library("libamdhip64.so", executable_stack=True)), glibc="2.41", glibc_max="2.40")

    assert diagnosed(one)[0].why.endswith("by its manifest glibc 2.40 is the last that loads it")


def test_what_would_be_loaded_instead_is_named_with_what_leads_there():
    shadow = ("/opt/rocm-5.7.1/lib/libamdhip64.so", "LD_LIBRARY_PATH, needed by /e/libtorch_hip.so")
    (found,) = diagnosed(replace(FOREIGN, shadows=(shadow,)))

    assert (found.id, found.severity, found.why, found.remedy and found.remedy.text) == (
        "runpath-shadowed:./my env",
        "fault",
        f"`{shadow[0]}` by {shadow[1]}",
        "run `unset LD_LIBRARY_PATH`",
    )


@pytest.mark.parametrize(("loader", "search", "count"), [("rpath", "runpath", 1), ("runpath", "runpath", 0)])
def test_a_search_path_that_somebody_has_rewritten_is_told(loader: str, search: str, count: int):
    found = short(replace(having(OURS, library("libtorch_hip.so", search=search)), loader=loader))

    assert [one[0] for one in found] == ["search-path:myproj"] * count


@pytest.mark.parametrize(
    ("torch", "numpy", "count"),
    [("2.2.2+rocm5.7", "2.1.0", 1), ("2.2.2+rocm5.7", "1.26.4", 0), ("2.3.0", "2.1.0", 0)],
)
def test_numpy_2_is_a_warning_where_torch_is_built_for_numpy_1(torch: str, numpy: str, count: int):
    framework = replace(FRAMEWORK, version=torch, hip="5.7", numpy=numpy)
    found = short(replace(FOREIGN, framework=framework))

    assert found == [("numpy-2:./my env", "warning", "run `/e/bin/python -m pip install 'numpy<2'`")] * count


def test_a_library_of_another_rocm_is_known_by_its_soname():
    libraries = (
        library("libamdhip64.so", soname="libamdhip64.so.7"),
        library("librocblas.so", soname="librocblas.so.4"),
        library("libMIOpen.so", soname="libMIOpen.so.1"),
        library("libhsa-runtime64.so", soname="libhsa-runtime64.so"),
    )

    assert [one[0] for one in short(having(OURS, *libraries))] == ["mixed-rocm:myproj:libamdhip64"]


def test_rocm_wheels_of_another_version_than_torch_was_built_with_are_a_fault():
    framework = Framework(
        *(f"{SITE}/torch", "2.12.0+rocm7.14.0", "7.14.60850"),
        rocm=(("rocm-sdk-core", "10.0.0"), ("rocm-sdk-libraries-gfx101x", "7.14.1")),
    )
    (found,) = diagnosed(replace(OURS, framework=framework))

    assert (found.id, found.why) == (
        "mixed-rocm:myproj:rocm-sdk-core",
        "it is 10.0.0, and torch 2.12.0+rocm7.14.0 was built with 7.14.0",
    )


def test_versions_that_are_none_say_nothing():
    framework = Framework(f"{SITE}/torch", "of today+rocm", "?", numpy="2.x", rocm=(("rocm-sdk-core", "?"),))

    assert short(replace(OURS, framework=framework, glibc="new", glibc_min="2.28")) == []
