"""Where a section of an ELF file lies: by its name, with nothing read but headers and names."""

from __future__ import annotations

import io
from typing import Any

from elftools.common.utils import struct_parse
from elftools.elf.elffile import ELFFile

_LIMIT = 4096
"""Sections that are looked at. A library has some forty; a hostile file may claim millions."""
_LONGEST_NAME = 64


def find_section(elf: ELFFile, name: bytes) -> tuple[int, int]:
    """Offset and size of the section called *name*, as far as the file reaches; zeros where it has none.

    Raises ELFError and what else `nonsense_ends` catches.
    """
    end = elf.stream.seek(0, io.SEEK_END)
    names = _header(elf, elf["e_shstrndx"])["sh_offset"] if elf["e_shoff"] else 0
    for number in range(min(elf["e_shnum"], _LIMIT) if names else 0):
        header = _header(elf, number)
        elf.stream.seek(names + header["sh_name"])
        if elf.stream.read(_LONGEST_NAME).partition(b"\0")[0] == name and header["sh_type"] != "SHT_NOBITS":
            offset = min(header["sh_offset"], end)
            return offset, min(header["sh_size"], end - offset)
    return 0, 0


def _header(elf: ELFFile, number: int) -> Any:
    place = elf["e_shoff"] + number * elf["e_shentsize"]
    return struct_parse(elf.structs.Elf_Shdr, elf.stream, stream_pos=place)
