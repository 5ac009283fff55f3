"""Which folders and libraries belong to a ROCm, on small folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.host.foreign import foreign_entries, is_foreign, without_foreign


@pytest.mark.parametrize(
    ("entry", "foreign"),
    [
        ("/opt/rocm/lib", True),
        ("/opt/rocm", True),
        ("/opt/rocm-patched/lib/", True),
        ("//opt/rocm-6.2.4/lib", True),
        ("libMIOpen.so.1", True),
        ("/somewhere/librocblas.so", True),
        ("", False),
        (".", False),
        ("/opt/other", False),
        ("/nowhere/libjemalloc.so.2", False),
        ("libhipfft.so", False),
    ],
)
def test_a_rocm_is_known_by_its_place_and_its_libraries_names(entry: str, foreign: bool):
    assert is_foreign(entry) is foreign


@pytest.mark.parametrize("name", ["libamdhip64.so", "libhsa-runtime64.so.1", "librocblas.so.4.2", "libMIOpen.so.1"])
def test_a_folder_with_one_of_its_libraries_is_a_rocm_s(tmp_path: Path, name: str):
    (tmp_path / name).touch()

    (tmp_path / "libjemalloc.so.2").touch()

    assert is_foreign(str(tmp_path))
    assert is_foreign(f"{tmp_path}/{name}")
    assert not is_foreign(f"{tmp_path}/libjemalloc.so.2")


def test_a_link_to_a_library_that_is_gone_is_none(tmp_path: Path):
    (tmp_path / "libMIOpen.so").symlink_to("nowhere")

    assert not is_foreign(str(tmp_path))


def test_what_the_loader_would_take_from_a_rocm_is_listed_in_its_order(tmp_path: Path):
    mine = tmp_path / "with space"
    mine.mkdir()
    environment = {
        "LD_LIBRARY_PATH": f"/opt/rocm/lib::{mine}:/opt/rocm-5.2.0/lib",
        "LD_PRELOAD": f"{tmp_path}/libfine.so libamdhip64.so:/opt/rocm/lib/libx.so",
    }

    assert foreign_entries(environment) == (
        ("LD_LIBRARY_PATH", "/opt/rocm/lib"),
        ("LD_LIBRARY_PATH", "/opt/rocm-5.2.0/lib"),
        ("LD_PRELOAD", "libamdhip64.so"),
        ("LD_PRELOAD", "/opt/rocm/lib/libx.so"),
    )
    assert without_foreign(environment) == (
        ("LD_LIBRARY_PATH", str(mine)),
        ("LD_PRELOAD", f"{tmp_path}/libfine.so"),
    )
