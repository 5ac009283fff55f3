"""Which functions an ELF file asks others for."""

from __future__ import annotations

from typing import BinaryIO

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import StringTableSection


def names_symbol(file: BinaryIO, symbol: str) -> bool:
    """Whether *symbol* is among the names that the loader reads (.dynstr): imported, or defined for others.

    One search in one section: walking the symbols of an 80 MB module takes minutes. Raises ELFError.
    """
    section = ELFFile(file).get_section_by_name(".dynstr")
    return isinstance(section, StringTableSection) and f"\0{symbol}\0".encode() in section.data()
