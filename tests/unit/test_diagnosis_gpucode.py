"""Whether the GPU code that a PyTorch brings along runs on the card."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.finding import Finding
from rocmswitch.model.framework import Framework, FrameworkLibrary, FrameworkSymptoms
from rocmswitch.model.gpucode import GpuCode
from rocmswitch.model.symptoms import CardSymptoms, Symptoms
from rocmswitch.planning.diagnosis_framework import ROWS

LIB = "/e/lib/python3.11/site-packages/torch/lib"
CARD = "gfx1010"


def code(*targets: str, bundles: int = 100) -> GpuCode:
    return GpuCode(bundles, tuple((one, bundles) for one in targets))


def torch(*targets: str, **more: object) -> Framework:
    core = FrameworkLibrary(f"{LIB}/libtorch_hip.so", code=code(*targets))
    return replace(Framework("/e/torch", "2.7.1+rocm6.2.4", "6.2.41134", libraries=(core,)), **more)


def ours(framework: Framework, **more: object) -> FrameworkSymptoms:
    return replace(FrameworkSymptoms("myproj", "/data/myproj", framework, stack="rocm-6.2.4"), **more)


def diagnosed(one: FrameworkSymptoms, card: str = CARD) -> list[Finding]:
    symptoms = Symptoms(card=CardSymptoms(target=card), frameworks=(one,))
    return [finding for row in ROWS for finding in row(symptoms)]


def short(one: FrameworkSymptoms, card: str = CARD) -> list[tuple[str, str, str]]:
    """The id, how bad it is, and what to do."""
    found = diagnosed(one, card)
    return [(one.id, one.severity, one.remedy.text if one.remedy else "") for one in found]


@pytest.mark.parametrize("target", ["gfx1010", "gfx1010:xnack-", "gfx10-1-generic", "amdgcnspirv"])
def test_a_torch_with_code_for_the_card_or_its_family_is_right(target: str):
    assert short(ours(torch("gfx900", target))) == []


def test_a_torch_without_code_for_the_card_is_a_fault_that_lists_what_it_has():
    (found,) = diagnosed(ours(torch("gfx1030", "gfx90a:xnack-", "gfx90a:xnack+", "gfx900")))

    assert (found.id, found.severity, found.what, found.where, found.why) == (
        "target-missing:myproj",
        "fault",
        "torch in `myproj` has no code for gfx1010",
        f"{LIB}/libtorch_hip.so",
        "`libtorch_hip.so` has code for gfx900, gfx90a, gfx1030: what it computes on the card ends in "
        "`invalid device function` or `hipErrorNoBinaryForGpu`",
    )


def test_the_way_out_is_the_stack_that_works_on_the_card():
    one = ours(torch("gfx1030"), better="therock-10.1")
    found = [short(each)[0][2] for each in (one, replace(one, kind="foreign", name="/e"), replace(one, better=""))]

    assert found == [
        "run `rocmswitch use therock-10.1 --venv myproj --gpu gfx1010 --rebind`: it is known to work on gfx1010",
        "run `rocmswitch use therock-10.1 --venv NAME`: it is known to work on gfx1010",
        "run `rocmswitch recommend --gpu gfx1010`",
    ]


def test_an_override_to_a_card_that_it_has_code_for_is_worth_knowing_and_no_fault():
    (found,) = diagnosed(ours(torch("gfx1030"), override="10.3.0"))

    assert (found.id, found.severity, found.what, found.remedy and found.remedy.text) == (
        "override-code:myproj",
        "note",
        "torch in `myproj` runs the code of gfx1030 on gfx1010",
        "run `rocmswitch probe myproj`, which tells what works and how long it takes",
    )


def test_an_override_to_a_card_that_it_has_no_code_for_either_helps_nothing():
    (found,) = diagnosed(ours(torch("gfx900"), override="10.3.0"))

    assert (found.id, found.what) == (
        "target-missing:myproj",
        "torch in `myproj` has no code for gfx1010, nor for gfx1030, as which "
        "`HSA_OVERRIDE_GFX_VERSION=10.3.0` has it run",
    )


def test_an_override_that_keeps_it_from_its_own_code_is_a_warning_in_others_environments():
    one = ours(torch("gfx1010", "gfx1030"), override="10.3.0")

    assert short(one) == []  # of ours the rows about the shell tell
    assert short(replace(one, kind="foreign")) == [
        ("override-code:myproj", "warning", "run `unset HSA_OVERRIDE_GFX_VERSION`")
    ]


def test_the_override_that_the_manifest_knows_is_the_way_out_of_anothers_environment():
    one = ours(torch("gfx1030"), kind="foreign", stack="rocm-5.2.0", known_override="10.3.0")

    assert short(one)[0][2] == (
        "run `export HSA_OVERRIDE_GFX_VERSION=10.3.0`, which `rocm-5.2.0` needs on gfx1010; "
        "or `rocmswitch use rocm-5.2.0 --venv NAME`, which sets it by itself"
    )


def test_an_override_that_is_no_version_is_as_if_there_were_none():
    assert [one[0] for one in short(ours(torch("gfx1030"), override="gfx1030"))] == ["target-missing:myproj"]


@pytest.mark.parametrize(
    "core",
    [
        FrameworkLibrary(f"{LIB}/libtorch_hip.so"),
        FrameworkLibrary(f"{LIB}/libtorch_hip.so", code=replace(code("gfx900"), unread="it is cut short")),
        FrameworkLibrary(f"{LIB}/libtorch_cpu.so", code=code("gfx900")),
    ],
)
def test_what_could_not_be_read_whole_proves_nothing(core: FrameworkLibrary):
    assert short(ours(torch(libraries=(core,)))) == []


def test_without_a_card_nothing_is_said_of_code():
    assert short(ours(torch("gfx900"), override="10.3.0"), card="") == []


def test_archives_beside_the_library_count_where_it_names_them():
    note = GpuCode(packs=("../../.kpack/torch_@GFXARCH@.kpack",))
    framework = torch(libraries=(FrameworkLibrary(f"{LIB}/libtorch_hip.so", code=note),), packs=("gfx1010",))

    assert short(ours(framework)) == []
    assert [one[0] for one in short(ours(framework), "gfx1030")] == ["target-missing:myproj"]
    assert [one[0] for one in short(ours(replace(framework, packs=())))] == ["target-missing:myproj"]


def test_code_in_a_few_source_files_alone_is_a_warning():
    few = GpuCode(1200, (("gfx1010", 3), ("gfx1030", 1200)))
    framework = torch(libraries=(FrameworkLibrary(f"{LIB}/libtorch_hip.so", code=few),))

    assert [one[:2] for one in short(ours(framework))] == [("target-partly:myproj", "warning")]
    assert short(ours(framework), "gfx1030") == []


def test_missing_blas_kernels_are_deployed_from_an_installed_stack_that_has_them():
    framework = torch("gfx1010", blas=("gfx906", "gfx1030"), blas_folder=f"{LIB}/rocblas/library")
    command = "deploy --gpu-kernels gfx1010 --from rocm-6.2.4 --into myproj"
    (found,) = diagnosed(ours(framework, kernels_of="rocm-6.2.4"))

    assert (found.id, found.severity, found.remedy and " ".join(found.remedy.command)) == (
        "blas-kernels-missing:myproj",
        "fault",
        command,
    )


def test_missing_blas_kernels_come_from_the_stack_that_the_wheel_was_built_with():
    framework = torch("gfx1010", blas=("gfx1030",), blas_folder=f"{LIB}/rocblas/library")

    assert short(ours(framework))[0][2] == (
        "run `rocmswitch install rocm-6.2.4 --set libraries`, "
        "then `rocmswitch deploy --gpu-kernels gfx1010 --from rocm-6.2.4 --into myproj`"
    )


def test_before_6_2_no_rocblas_finds_kernels_of_such_a_card():
    framework = torch("gfx1010", version="2.4.1+rocm6.1", blas=("gfx1030",), blas_folder=f"{LIB}/rocblas/library")

    assert short(ours(framework, stack="rocm-6.1"))[0][2] == "run `rocmswitch recommend --gpu gfx1010`"


def test_with_an_override_the_kernels_of_the_other_card_are_what_counts():
    framework = torch("gfx1030", blas=("gfx1030",), blas_folder=f"{LIB}/rocblas/library")

    assert [one[0] for one in short(ours(framework, override="10.3.0"))] == ["override-code:myproj"]


def test_kernels_alone_are_not_asked_for_where_torch_itself_has_no_code():
    framework = torch("gfx1030", blas=("gfx1030",), blas_folder=f"{LIB}/rocblas/library")

    assert [one[0] for one in short(ours(framework))] == ["target-missing:myproj"]


def test_a_library_without_code_for_the_card_is_named_with_what_needs_it():
    libraries = tuple(
        FrameworkLibrary(f"{LIB}/{file}", code=code(*targets))
        for file, targets in (
            ("libtorch_hip.so", ("gfx1010",)),
            ("librocsparse.so", ("gfx1030",)),
            ("libMIOpen.so", ()),
            ("librocfft-1a2b3c4d.so", ("gfx1010",)),
            ("libaotriton_v2.so", ("gfx942",)),
        )
    )
    libraries = (*libraries, FrameworkLibrary(f"{LIB}/libhsa-runtime64.so"))
    (found,) = diagnosed(ours(torch(libraries=libraries)))

    assert (found.id, found.severity, found.what) == (
        "library-code:myproj",
        "warning",
        "libMIOpen and librocsparse of `myproj` have no code for gfx1010",
    )
    assert "libMIOpen (convolutions), librocsparse (sparse matrices)" in found.why


def test_kernels_of_hipblaslt_are_told_by_their_files_and_can_be_spared():
    found = [short(ours(torch("gfx1010", blaslt=cards))) for cards in ((), ("gfx1010", "gfx942"), ("gfx942",))]

    assert [[one[:2] for one in each] for each in found] == [[], [], [("library-code:myproj", "note")]]


def test_several_gpus_at_once_are_no_loss_on_one():
    libraries = tuple(
        FrameworkLibrary(f"{LIB}/{file}", code=code(target))
        for file, target in (("libtorch_hip.so", "gfx1010"), ("librccl.so", "gfx1030"))
    )

    assert [one[:2] for one in short(ours(torch(libraries=libraries)))] == [("library-code:myproj", "note")]


def test_a_missing_tuning_database_is_worth_knowing():
    folder = "/e/torch/share/miopen/db"
    framework = torch("gfx1010", databases=("gfx1030", "gfx906"), databases_folder=folder)

    assert [(one.id, one.severity, one.where) for one in diagnosed(ours(framework))] == [
        ("miopen-database:myproj", "note", folder)
    ]
