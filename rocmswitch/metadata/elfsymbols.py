"""Which functions an ELF file asks others for."""

from __future__ import annotations

import io
from typing import BinaryIO

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import StringTableSection

from rocmswitch.metadata.elf import nonsense_ends


def names_symbol(file: BinaryIO, symbol: str) -> bool:
    """Whether *symbol* is among the names that the loader reads (.dynstr): imported, or defined for others.

    One search in one section: walking the symbols of an 80 MB module takes minutes. A file whose sections cannot
    be read names none.
    """
    found = False
    with nonsense_ends():
        section = ELFFile(file).get_section_by_name(".dynstr")
        if isinstance(section, StringTableSection) and section["sh_size"] <= file.seek(0, io.SEEK_END):
            found = f"\0{symbol}\0".encode() in section.data()
    return found
