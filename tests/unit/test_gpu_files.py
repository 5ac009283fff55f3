"""Which files of a tree are for certain cards alone: by their names, and by what they begin with."""

from __future__ import annotations

import pytest

from rocmswitch.model.activation import CardVariable
from rocmswitch.model.receipt import LeftOut
from rocmswitch.planning.gpufiles import judged, kernels_for, left_out, named
from tests.support.offloadbundles import bundle, code_object, kpack, packed

ROCBLAS = "usr/lib/x86_64-linux-gnu/rocblas/5/library"
PROBLEM = "TensileLibrary_Type_SS_Contraction_l_Ailk_Bjlk_Cijk_Dijk"


@pytest.mark.parametrize(
    ("path", "targets"),
    [
        (f"{ROCBLAS}/Kernels.so-000-gfx1010.hsaco", ["gfx1010"]),
        (f"{ROCBLAS}/Kernels.so-000-gfx90a-xnack+.hsaco", ["gfx90a"]),
        (f"{ROCBLAS}/{PROBLEM}_fallback_gfx1010.hsaco", ["gfx1010"]),
        (f"{ROCBLAS}/{PROBLEM}_fallback_gfx10-1-generic.hsaco", ["gfx10-1-generic"]),
        (f"{ROCBLAS}/Kernels.so-000-gfx9-4-generic.hsaco", ["gfx9-4-generic"]),
        (f"{ROCBLAS}/{PROBLEM}_gfx906.co", ["gfx906"]),
        (f"{ROCBLAS}/TensileLibrary_lazy_gfx1010.dat", ["gfx1010"]),
        ("opt/rocm-6.2.4/lib/rocblas/library/TensileLibrary_gfx1030.dat", ["gfx1030"]),
        ("opt/rocm-7/lib/hipblaslt/library/gfx942/Kernels.so-000-gfx942.hsaco", ["gfx942"]),
        ("opt/rocm-7/lib/hipblaslt/library/gfx942/TensileLibrary_lazy.dat", ["gfx942"]),
        ("usr/lib/hipblaslt/library/extop_gfx1103.co", ["gfx1103"]),
        ("usr/lib/hipsparselt/library/Kernels.so-000-gfx950.hsaco", ["gfx950"]),
        ("usr/share/miopen/db/gfx1030_36.HIP.fdb.txt", ["gfx1030"]),
        ("usr/share/miopen/db/gfx90a_68.kdb", ["gfx90a"]),
        ("usr/share/miopen/db/gfx906_60.db", ["gfx906"]),
        ("usr/share/miopen/db/gfx90878.db", ["gfx908"]),
        ("usr/share/miopen/db/gfx90a6e.HIP.fdb.txt", ["gfx90a"]),
        ("usr/share/miopen/db/gfx942130.db.txt", ["gfx942"]),
        ("usr/share/miopen/db/gfx110060.kdb.bz2", ["gfx1100"]),
        ("opt/rocm/lib/rocfft/rocfft_kernel_cache_gfx1100.db", ["gfx1100"]),
        ("opt/rocm/.kpack/blas_gfx1010.kpack", ["gfx1010"]),
        ("opt/rocm/.kpack/blas_gfx101X.kpack", ["gfx1010", "gfx1011", "gfx1012", "gfx1013"]),
    ],
)
def test_a_name_tells_whom_a_file_is_for(path: str, targets: list[str]):
    one = named(path)

    assert one is not None and list(one.targets) == targets


@pytest.mark.parametrize(
    "path",
    [
        f"{ROCBLAS}/{PROBLEM}_fallback.dat",
        f"{ROCBLAS}/TensileManifest.txt",
        f"{ROCBLAS}/gfx1010",
        f"{ROCBLAS}/libkernels_gfx1010.so",
        f"{ROCBLAS}/both_gfx1010_gfx1030.dat",
        f"{ROCBLAS}/odd_gfx10101.dat",
        f"{ROCBLAS}/odd_xgfx1010.dat",
        "usr/lib/hipblaslt/library/gfx942/Kernels.so-000-gfx90a.hsaco",
        "usr/lib/hipblaslt/library/hipblasltTransform.hsaco",
        "usr/lib/hipsparselt/library/TensileLiteLibrary_lazy_Mapping.dat",
        "usr/lib/mine/library/Kernels.so-000-gfx1010.hsaco",
        "usr/lib/rocblas/Kernels.so-000-gfx1010.hsaco",
        "usr/share/miopen/db/gfx908_metadata.tn.model",
        "usr/share/miopen/db/miopen.db",
        "usr/share/miopen/db/gfx9081.db",
        "usr/share/miopen/db/gfx90820.db",
        "usr/share/miopen/db/gfx90gfx1010.db",
        "opt/rocm/lib/rocfft/rocfft_kernel_cache.db",
        "opt/rocm/amdgcn/bitcode/oclc_isa_version_1010.bc",
        "opt/rocm/.kpack/blas_gfx1010.txt",
        "share/rocblas",
        "gfx1010.dat",
        "",
    ],
)
def test_where_a_name_does_not_tell_for_certain_the_file_is_for_everybody(path: str):
    assert named(path) is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Kernels.so-000-gfx1010.hsaco", code_object("gfx1010")),
        ("Kernels.so-000-gfx1010-xnack-.hsaco", code_object("gfx1010:xnack-")),
        ("Kernels.so-000-gfx10-1-generic.hsaco", code_object("gfx10-1-generic")),
        ("some_gfx1010.co", bundle("gfx1010")),
        ("some_gfx1010.co", packed(bundle("gfx1010"))),
        ("some_gfx90a.co", packed(bundle("gfx90a:xnack+", "gfx90a:xnack-"), version=2)),
        ("some_gfx1010.dat", b"\x82\xa9solutions"),
    ],
)
def test_content_that_says_the_same_as_the_name_is_believed(name: str, content: bytes):
    path = f"{ROCBLAS}/{name}"

    assert judged(path, len(content), content) == named(path) != None  # noqa: E711


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Kernels.so-000-gfx1030.hsaco", code_object("gfx1010")),
        ("some_gfx1030.co", bundle("gfx1010")),
        ("some_gfx1030.co", bundle("gfx1030", "gfx1010")),
        ("some_gfx1030.co", packed(bundle("gfx1010"))),
        ("some_gfx1030.co", packed(bundle("gfx1030"), version=1)),
        ("some_gfx1030.co", packed(bundle("gfx1030"))[:-9]),
        ("some_gfx1030.co", packed(bundle("gfx1030")) + packed(bundle("gfx1010"))),
        ("some_gfx1030.co", bundle("gfx1030").ljust(3 * 4096, b"\0") + bundle("gfx1010")),
        ("some_gfx1030.co", bundle()),
        ("some_gfx1030.co", b"CCOB\3\0"),
        ("some_gfx1030.co", b"__CLANG_OFFLOAD_BUNDLE__" + b"\xff" * 40),
        ("some_gfx1030.co", b"\x7fELF"),
        ("some_gfx1030.co", b""),
        ("some_gfx1030.hsaco", b"text"),
        ("some_gfx1030.dat", code_object("gfx1010")),
    ],
)
def test_a_file_whose_content_says_another_card_or_nothing_is_for_everybody(name: str, content: bytes):
    assert judged(f"{ROCBLAS}/{name}", len(content), content) is None


def test_a_database_has_to_be_one():
    path = "usr/share/miopen/db/gfx1030_36.db"

    assert (judged(path, 20, b"SQLite format 3\0abcd") is None, judged(path, 4, b"text") is None) == (False, True)


def test_an_archive_of_kernels_has_to_be_one():
    path, content = "opt/rocm/.kpack/blas_gfx1010.kpack", kpack("gfx1010")

    assert (judged(path, len(content), content) is None, judged(path, 4, b"text") is None) == (False, True)


@pytest.mark.parametrize(
    ("gpus", "target", "wanted"),
    [
        (["gfx1010"], "gfx1010", True),
        (["gfx1010"], "gfx1030", False),
        (["gfx1010"], "gfx1011", False),
        (["gfx1010"], "gfx10-1-generic", True),
        (["gfx1010"], "gfx10-3-generic", False),
        (["gfx1010", "gfx90a"], "gfx90a", True),
        ([], "gfx803", True),
    ],
)
def test_a_card_needs_its_own_files_and_those_of_its_family(gpus: list[str], target: str, wanted: bool):
    assert kernels_for(gpus).needs(named(f"{ROCBLAS}/TensileLibrary_lazy_{target}.dat")) is wanted


def test_code_for_either_way_of_page_faults_is_kept():
    content = code_object("gfx90a:xnack+")
    path = f"{ROCBLAS}/Kernels.so-000-gfx90a-xnack+.hsaco"

    wants = [kernels_for([gpu]).wants(path, len(content), content) for gpu in ("gfx90a", "gfx1010")]

    assert wants == [True, False]


def test_a_card_that_the_manifest_has_taken_for_another_needs_the_files_of_that_one_too():
    cards = [
        CardVariable("gfx1010", "HSA_OVERRIDE_GFX_VERSION", "10.3.0"),
        CardVariable("gfx1031", "HSA_OVERRIDE_GFX_VERSION", "9.0.0"),
    ]

    assert kernels_for(["gfx1010"], cards).gpus == ("gfx1010", "gfx1030")


def test_a_library_that_is_left_without_files_for_a_card_is_named():
    paths = [f"{ROCBLAS}/TensileLibrary_lazy_gfx1010.dat", "usr/lib/libhip.so"]
    gone = [
        (f"{ROCBLAS}/TensileLibrary_lazy_gfx1030.dat", 1),
        ("usr/lib/hipblaslt/library/extop_gfx1100.co", 2),
        ("usr/share/miopen/db/gfx906_60.db", 3),
    ]

    assert kernels_for(["gfx1010"]).without(paths, left_out("blas", gone)) == (
        "MIOpen has no tuning databases for gfx1010",
        "hipBLASLt has no kernels for gfx1010",
    )


def test_a_library_that_lost_nothing_is_not_named():
    assert kernels_for(["gfx1010"]).without([f"{ROCBLAS}/TensileLibrary_lazy_gfx1030.dat"], []) == ()


def test_what_was_left_out_is_summed_up_by_library_and_target():
    files = [(f"{ROCBLAS}/some_gfx90a.dat", 3), (f"{ROCBLAS}/some_gfx90a-xnack+.hsaco", 4), (f"{ROCBLAS}/x.dat", 5)]

    assert left_out("blas", files) == (LeftOut("blas", "rocBLAS", "gfx90a", 2, 7),)
