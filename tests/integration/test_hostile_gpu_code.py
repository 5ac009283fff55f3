"""Files that claim to hold more GPU code than any disk: what is read of them is bounded, whatever they say."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from rocmswitch.metadata.offloadbundle import parse_gpu_code
from rocmswitch.model.gpucode import GpuCode
from tests.support.elflibraries import Library, linked
from tests.support.offloadbundles import bundle, packed, section, with_gpu_code

HUGE = 1 << 36
LIBRARY = Library("libx.so", "libx.so", "x")


def parsed(path: Path) -> GpuCode:
    with path.open("rb") as file:
        return parse_gpu_code(file)


def header_of(path: Path, name: str) -> int:
    """Where the header of a section lies."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        number = next(number for number, one in enumerate(elf.iter_sections()) if one.name == name)
        return int(elf["e_shoff"] + number * elf["e_shentsize"])


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "libx.so"
    path.write_bytes(with_gpu_code(linked(LIBRARY), section(packed(bundle("gfx1030"), version=1))))
    return path


def test_a_section_of_gigabytes_of_nothing_is_not_walked_to_its_end(library: Path):
    place = header_of(library, ".hip_fatbin")
    with library.open("r+b") as file:
        file.seek(place + 32)
        file.write(struct.pack("<Q", HUGE))
        file.truncate(HUGE)

    assert parsed(library).targets == ("gfx1030",)


def test_a_bundle_far_behind_the_last_one_is_not_looked_for(tmp_path: Path):
    path = tmp_path / "code.hipfb"
    with path.open("wb") as file:
        file.write(section(packed(bundle("gfx1030"), version=1)))
        file.seek(1 << 32)
        file.write(bundle("gfx1010"))

    assert parsed(path).targets == ("gfx1030",)


def test_more_sections_than_a_library_has_are_not_looked_at(library: Path):
    with library.open("r+b") as file:
        file.seek(40)
        file.write(struct.pack("<Q", 1 << 20))
        file.seek(60)
        file.write(struct.pack("<H", 0xFEFF))
        file.truncate(HUGE)

    assert parsed(library).targets == ()


@pytest.mark.parametrize("field", [0, 24, 32, 4])
def test_a_section_header_that_points_outside_the_file_names_no_target(library: Path, field: int):
    place = header_of(library, ".hip_fatbin")
    with library.open("r+b") as file:
        file.seek(place + field)
        file.write(b"\xff" * (4 if field < 8 else 8))

    assert set(parsed(library).targets) <= {"gfx1030"}


@pytest.mark.parametrize("length", range(0, 600, 37))
def test_a_library_that_is_cut_short_anywhere_is_no_error(library: Path, length: int):
    content = library.read_bytes()
    library.write_bytes(content[: len(content) * length // 600])

    assert set(parsed(library).targets) <= {"gfx1030"}


def test_bundles_without_number_are_not_counted_to_their_end(tmp_path: Path):
    path = tmp_path / "code.hipfb"
    path.write_bytes(packed(bundle("gfx1030")) * 20_010)

    assert parsed(path) == GpuCode(20_000, (("gfx1030", 20_000),), unread="it has more bundles than any real file")
