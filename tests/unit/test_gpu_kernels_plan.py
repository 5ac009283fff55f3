"""Which kernel files go from one rocBLAS to another, and when none may."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.errors import NotFound, Refused
from rocmswitch.planning.gpukernels import (
    KernelFile,
    Placement,
    Rocblas,
    bundled_version,
    check_fit,
    choose_kernels,
)

LAZY = (
    "Kernels.so-000-gfx1010.hsaco",
    "Kernels.so-000-gfx90a-xnack+.hsaco",
    "TensileLibrary_Type_SS_fallback.dat",
    "TensileLibrary_Type_SS_fallback_gfx1010.hsaco",
    "TensileLibrary_Type_SS_gfx90a.co",
    "TensileLibrary_lazy_gfx1010.dat",
    "TensileLibrary_lazy_gfx90a.dat",
)
MERGED = (
    "Kernels.so-000-gfx1010.hsaco",
    "Kernels.so-000-gfx900.hsaco",
    "TensileLibrary.dat",
    "TensileLibrary_gfx900.co",
)
BUNDLED = ("Kernels.so-000-gfx1030.hsaco", "TensileLibrary_lazy_gfx1030.dat", "TensileManifest.txt")


def rocblas(*names: str, owner: str = "rocm-6.2.4", version: str = "4.2.4") -> Rocblas:
    files = tuple(KernelFile(name, 10) for name in names)
    return Rocblas(owner, "/x/librocblas.so", version, "/x/rocblas/library", files)


TARGET = rocblas(*BUNDLED, owner="demo")


def chosen(source: Rocblas, target: Rocblas = TARGET, gpu: str = "gfx1010") -> list[str]:
    return [one.path for one in choose_kernels(gpu, source, target)]


def test_all_files_of_the_gpu_go_and_what_its_catalogue_names_besides() -> None:
    assert chosen(rocblas(*LAZY)) == [
        "Kernels.so-000-gfx1010.hsaco",
        "TensileLibrary_Type_SS_fallback.dat",
        "TensileLibrary_Type_SS_fallback_gfx1010.hsaco",
        "TensileLibrary_lazy_gfx1010.dat",
    ]


def test_what_belongs_to_no_gpu_is_never_replaced() -> None:
    target = rocblas(*BUNDLED, "TensileLibrary_Type_SS_fallback.dat")

    assert "TensileLibrary_Type_SS_fallback.dat" not in chosen(rocblas(*LAZY), target)


def test_variants_of_a_gpu_belong_to_it_and_longer_names_do_not() -> None:
    assert chosen(rocblas(*LAZY), gpu="gfx90a") == [
        "Kernels.so-000-gfx90a-xnack+.hsaco",
        "TensileLibrary_Type_SS_fallback.dat",
        "TensileLibrary_Type_SS_gfx90a.co",
        "TensileLibrary_lazy_gfx90a.dat",
    ]
    with pytest.raises(NotFound):
        chosen(rocblas(*LAZY), gpu="gfx90")


def test_one_catalogue_for_all_gpus_goes_along_where_there_is_none() -> None:
    assert chosen(rocblas(*MERGED)) == ["Kernels.so-000-gfx1010.hsaco", "TensileLibrary.dat"]
    assert chosen(rocblas(*MERGED), rocblas("TensileLibrary.dat", owner="demo")) == ["Kernels.so-000-gfx1010.hsaco"]


def test_a_whole_catalogue_of_the_gpu_needs_nothing_else() -> None:
    files = ("Kernels.so-000-gfx1010.hsaco", "TensileLibrary_gfx1010.dat", "TensileLibrary_Type_SS_fallback.dat")

    assert chosen(rocblas(*files)) == list(files[:2])


def test_a_folder_for_each_gpu_is_kept_only_where_there_is_one() -> None:
    source = rocblas("gfx1010/Kernels.so-000-gfx1010.hsaco", "gfx1010/TensileLibrary_lazy_gfx1010.dat")
    target = rocblas("gfx1010/something_gfx1010.co", owner="demo")

    assert chosen(source) == ["Kernels.so-000-gfx1010.hsaco", "TensileLibrary_lazy_gfx1010.dat"]
    assert chosen(source, target) == [one.path for one in source.files]
    assert choose_kernels("gfx1010", source, TARGET)[0] == Placement(source.files[0], source.files[0].name)


def test_a_stack_without_kernels_for_the_gpu_says_which_it_has() -> None:
    with pytest.raises(NotFound) as caught:
        chosen(rocblas(*LAZY), gpu="gfx1012")

    assert caught.value.message == (
        "`rocm-6.2.4` has no rocBLAS kernels for `gfx1012`; it has them for `gfx90a`, `gfx1010`"
    )


def test_kernels_that_no_catalogue_names_are_of_no_use() -> None:
    """ROCm 6.1 and older: they lie there, and rocBLAS does not find them."""
    without = [name for name in LAZY if name != "TensileLibrary_lazy_gfx1010.dat"]

    with pytest.raises(NotFound, match="but no catalogue") as caught:
        chosen(rocblas(*without))

    assert caught.value.message.endswith("it has them for `gfx90a`")


def test_an_empty_folder_has_kernels_for_none() -> None:
    with pytest.raises(NotFound, match="it has none for any GPU"):
        chosen(rocblas("TensileManifest.txt"))


@pytest.mark.parametrize("version", ["4.2.3", "4.1.4", "3.2.4", "4.2.40"])
def test_another_version_is_refused_and_both_are_named(version: str) -> None:
    with pytest.raises(Refused) as caught:
        check_fit(rocblas(version=version), TARGET)

    assert caught.value.message == (
        f"the kernels of `rocm-6.2.4` are for rocBLAS {version}, and `demo` has rocBLAS 4.2.4"
    )


def test_the_same_version_fits_and_an_unknown_one_does_not() -> None:
    check_fit(rocblas(), TARGET)

    with pytest.raises(Refused, match="nothing tells which rocBLAS"):
        check_fit(rocblas(), replace(TARGET, version=""))


def test_the_manifest_speaks_for_a_wheel_of_exactly_its_stack_alone() -> None:
    told = [
        bundled_version(f"2.7.1+{local}", "rocm-6.2.4", "4.2.4") for local in ("rocm6.2.4", "rocm6.2", "cpu", "")
    ]

    assert told == ["4.2.4", "", "", ""]
