"""Which functions an ELF file asks others for."""

from __future__ import annotations

from typing import BinaryIO

from elftools.elf.elffile import ELFFile

from rocmswitch.metadata.elf import nonsense_ends
from rocmswitch.metadata.elfsections import find_section


def names_symbol(file: BinaryIO, symbol: str) -> bool:
    """Whether *symbol* is among the names that the loader reads (.dynstr): imported, or defined for others.

    One search in one section: walking the symbols of an 80 MB module takes minutes. A file whose sections cannot
    be read names none.
    """
    with nonsense_ends():
        offset, size = find_section(ELFFile(file), b".dynstr")
        file.seek(offset)
        return f"\0{symbol}\0".encode() in file.read(size)
    return False
