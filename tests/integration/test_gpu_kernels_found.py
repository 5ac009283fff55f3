"""Which rocBLAS lies somewhere, told without running it, and its files of kernels."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from rocmswitch.host.gpukernels import code_of, rocblas_of_packages, rocblas_of_tree
from rocmswitch.metadata.rocblas import rocblas_version
from tests.support.debs import GCC, Library, make_library
from tests.support.offloadbundles import bundle, packed, section, with_gpu_code
from tests.support.rocblas import VERSION, kernels, library, put, shared

VERSIONS = (
    "2.47.0.",  # Debian's 5.5.1
    "4.4.1.",  # Debian's 6.4.4
    "4.2.4.1ff21be5fe",
    "3.1.0.b80e4220-dirty",
    "2.44.0.8c8b4ea4a2c4c5ba8de8f6f6a5d5a0a3f5a1b2c3",
    "4.2.4",
)
OPTIONS = ("-O0", "-O1", "-O2", "-O3", "-Os", "-mavx2", "-fcf-protection=none", "-s")


@pytest.mark.parametrize("option", OPTIONS)
def test_a_library_tells_its_version_however_it_was_compiled(option: str) -> None:
    told = {one: rocblas_version(io.BytesIO(library(one, option))) for one in VERSIONS}

    assert told == {one: ".".join(one.split(".")[:3]) for one in VERSIONS}


def test_what_is_no_rocblas_tells_no_version(tmp_path: Path) -> None:
    if GCC is None:
        pytest.skip("no gcc here: install gcc")
    make_library(Library("librocblas.so.4"), tmp_path / "librocblas.so")

    with (tmp_path / "librocblas.so").open("rb") as file:
        assert rocblas_version(file) == ""


def test_a_damaged_library_tells_no_version_and_raises_nothing() -> None:
    whole = library()
    for size in (*range(0, 4096, 61), len(whole) // 2, len(whole) - 1):
        assert rocblas_version(io.BytesIO(whole[:size])) in ("", "4.2.4")
    for place in range(0, len(whole), 97):
        garbled = whole[:place] + b"\xff" * 16 + whole[place + 16 :]
        rocblas_version(io.BytesIO(garbled))


@pytest.mark.parametrize("offset", [2**20, 2**63 - 1, 2**64 - 1])
@pytest.mark.parametrize("field", [0x20, 0x28], ids=["programs", "sections"])
def test_a_library_whose_tables_lie_behind_its_end_tells_no_version(field: int, offset: int) -> None:
    garbled = bytearray(library())
    garbled[field : field + 8] = offset.to_bytes(8, "little")

    assert rocblas_version(io.BytesIO(garbled)) == ""


def test_a_table_that_claims_to_be_huge_is_not_read() -> None:
    content = bytearray(library())
    (sections,) = struct.unpack_from("<Q", content, 40)
    (count,) = struct.unpack_from("<H", content, 60)
    for number in range(count):
        struct.pack_into("<Q", content, sections + number * 64 + 32, 1 << 40)

    assert rocblas_version(io.BytesIO(bytes(content))) == ""


@pytest.mark.parametrize(
    ("lib", "below"),
    [
        ("opt/rocm-6.2.4/lib", "rocblas/library"),
        ("opt/rocm-6.2.4/lib64", "rocblas/library"),
        ("opt/rocm-6.2.4/lib/x86_64-linux-gnu", "rocblas/4.2.4/library"),
        ("opt/rocm-6.2.4/rocblas/lib", "library"),
    ],
)
def test_it_is_found_in_every_layout_of_a_rocm(lib: str, below: str, tmp_path: Path) -> None:
    root = tmp_path / "opt/rocm-6.2.4"
    put(tmp_path / lib / below, {**kernels("gfx1010"), **shared()})
    (tmp_path / lib / "librocblas.so.4.2.60204").write_bytes(library())
    (tmp_path / lib / "librocblas.so.4").symlink_to("librocblas.so.4.2.60204")

    found = rocblas_of_tree(root, "rocm-6.2.4")

    assert found is not None
    assert (found.version, found.gpus, len(found.files)) == ("4.2.4", ("gfx1010",), 4)
    assert Path(found.folder) == tmp_path / lib / below


def test_a_library_that_does_not_tell_is_told_by_debians_folder(tmp_path: Path) -> None:
    lib = tmp_path / "lib/x86_64-linux-gnu"
    put(lib / "rocblas/2.47.0/library", {**kernels("gfx1010", lazy=False), **shared(lazy=False)})
    (lib / "librocblas.so.0").write_bytes(b"\x7fELF and nothing else")

    found = rocblas_of_tree(tmp_path, "debian")

    assert found is not None
    assert (found.version, found.told_by) == ("2.47.0", "the folder of its kernels")


def test_a_wheel_without_kernels_has_no_rocblas_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "torch/lib").mkdir(parents=True)
    (tmp_path / "torch/lib/librocblas.so").write_bytes(library())

    assert rocblas_of_packages([str(tmp_path)], "demo") is None
    put(tmp_path / "torch/lib/rocblas/library", kernels("gfx1030"))
    found = rocblas_of_packages([str(tmp_path / "nothing"), str(tmp_path)], "demo")
    assert found is not None and found.version == VERSION[:5]


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "torch/lib/rocblas/library"
    put(folder, kernels("gfx1010"))
    put(folder / "gfx942/deeper", {"Kernels.so-000-gfx942.hsaco": "too deep"})
    (folder / "Kernels.so-000-gfx900.hsaco").symlink_to("nothing")
    (folder / "TensileLibrary_lazy_gfx906.dat").mkdir()
    (tmp_path / "torch/lib/librocblas.so").write_bytes(library())

    found = rocblas_of_packages([str(tmp_path)], "demo")

    assert found is not None and found.gpus == ("gfx1010",)


def test_the_code_inside_a_library_is_told_by_its_bundles_packed_or_not(tmp_path: Path) -> None:
    targets = ("gfx1010", "gfx90a:xnack+")
    made = tmp_path / "librocblas.so"
    told = []
    for content in (section(bundle(*targets)), section(packed(bundle(*targets))), b"CCOB and nothing else"):
        made.write_bytes(with_gpu_code(library(), content))
        told.append(code_of(made))

    assert told == [targets, targets, ()]
