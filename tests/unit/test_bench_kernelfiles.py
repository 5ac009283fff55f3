"""The ruler of `scripts/bench stacks`: which files of packages are for another GPU alone, by their own bytes."""

from __future__ import annotations

import importlib
import struct
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.offloadbundles import bundle, packed

SCRIPTS = Path(__file__).parents[2] / "scripts"
FOLDER = "usr/lib/x86_64-linux-gnu/rocblas/5/library"
OWN, OTHER, FAMILY = 0x133, 0x136, 0x152


@pytest.fixture
def ruler(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("benchmarks.kernelfiles")


def code_object(flags: int) -> bytes:
    """The head of an ELF file for the GPU that *flags* name."""
    return b"\x7fELF".ljust(18, b"\0") + struct.pack("<H", 224) + bytes(28) + struct.pack("<I", flags) + bytes(12)


@pytest.mark.parametrize(
    ("name", "head", "is_foreign"),
    [
        ("Kernels_gfx1010.hsaco", code_object(OWN), False),
        ("Kernels_gfx1030.hsaco", code_object(OTHER), True),
        ("Kernels_gfx10-1-generic.hsaco", code_object(FAMILY), False),
        ("Tensile_fallback_gfx1030.hsaco", code_object(OTHER), True),
        ("Tensile_gfx1010.co", bundle("gfx1010"), False),
        ("Tensile_gfx1030.co", bundle("gfx1030"), True),
        ("Tensile_gfx1030.co", packed(bundle("gfx1030")), True),
        ("Tensile_both.co", packed(bundle("gfx1010", "gfx1030")), False),
        ("Tensile_gfx1030.co", b"what nobody can tell", False),
        ("Tensile_lazy_gfx1030.dat", b"", True),
        ("Tensile_lazy_gfx1010.dat", b"", False),
        ("Tensile_fallback.dat", b"", False),
    ],
)
def test_a_file_is_judged_by_what_is_in_it_or_by_its_name_where_it_is_a_catalogue(
    ruler: ModuleType, name: str, head: bytes, is_foreign: bool
) -> None:
    assert ruler.is_foreign(f"{FOLDER}/{name}", head) is is_foreign


@pytest.mark.parametrize(("name", "is_foreign"), [("gfx90878.db.txt", True), ("gfx908_metadata.tn.model", False)])
def test_databases_are_told_by_their_names_but_models_serve_other_cards(
    ruler: ModuleType, name: str, is_foreign: bool
) -> None:
    assert ruler.is_foreign(f"usr/share/miopen/db/{name}", b"") is is_foreign


def test_a_library_is_for_everybody(ruler: ModuleType) -> None:
    assert not ruler.is_foreign("usr/lib/x86_64-linux-gnu/librocblas.so.5", code_object(OTHER))


def test_one_bundle_for_several_others_is_none_of_another_gpu_alone(ruler: ModuleType) -> None:
    head = bundle("gfx1030", "gfx90a")

    assert ruler.is_for_several(f"{FOLDER}/Transform.hsaco", head)
    assert not ruler.is_for_several(f"{FOLDER}/Transform.hsaco", bundle("gfx1010", "gfx90a"))
