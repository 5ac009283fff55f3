"""Libraries whose table of sections is damaged: the loader does not look at it, and they still run."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from rocmswitch.metadata.elf import parse_elf
from rocmswitch.metadata.elfsymbols import names_symbol
from rocmswitch.store.elfpatch import search_path_edits
from tests.support.debs import Library, make_library

_E_PHOFF, _E_SHOFF, _E_PHNUM, _P_OFFSET = 32, 40, 56, 8


@pytest.fixture(params=[2**63 + 8, 2**40], ids=["beyond every file", "beyond this file"])
def library(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc here")
    path = tmp_path / "liba.so"
    make_library(Library("liba.so"), path)
    with path.open("r+b") as file:
        file.seek(_E_SHOFF)
        file.write(struct.pack("<Q", request.param))
    return path


def test_a_library_without_readable_sections_is_left_to_patchelf(library: Path) -> None:
    with library.open("rb") as file:
        facts = parse_elf(file)
        edits = search_path_edits(file, "$ORIGIN/other")

    assert facts is None or edits is None


def test_a_library_without_readable_sections_names_no_symbol(library: Path) -> None:
    with library.open("rb") as file:
        assert not names_symbol(file, "dlopen")


def test_a_segment_beyond_every_file_makes_no_library_of_it(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc here")
    path = tmp_path / "liba.so"
    make_library(Library("liba.so"), path)
    content = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<Q", content, _E_PHOFF)
    for number in range(content[_E_PHNUM]):
        struct.pack_into("<Q", content, start + number * 56 + _P_OFFSET, 2**63 + 8)
    path.write_bytes(content)

    with path.open("rb") as file:
        assert parse_elf(file) is None
