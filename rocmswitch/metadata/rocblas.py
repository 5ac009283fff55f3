"""Which rocBLAS a library is, without running it.

`rocblas_get_version_string` copies a constant, `4.2.4.1a2b3c4d`, to where its caller says
(library/src/buildinfo.cpp). Compilers keep a short constant inside the function, as numbers that it stores, and
a long one elsewhere, which the function then names by its distance: both are found by looking at the function
alone, some forty bytes of code for x86-64.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from elftools.elf.elffile import ELFFile

from rocmswitch.metadata.elf import nonsense_ends, program_headers

_SYMBOL = b"rocblas_get_version_string"

_TABLE_LIMIT = 1 << 24
"""Bytes of a table of symbols, and of their names, that are read. A real one has less than 200 KB."""
_CODE_LIMIT = 512
_TEXT_LIMIT = 64
_VERSION = re.compile(rb"(\d{1,3}\.\d{1,3}\.\d{1,3})[.\0-]")
_INSTRUCTIONS = re.compile(
    rb"\x48(?P<wide>[\xb8-\xbf])(?P<long>.{8})"
    rb"|(?P<narrow>[\xb8-\xbf])(?P<short>.{4})"
    rb"|\x48?\x89(?:(?P<from>[\x07\x0f\x17\x1f\x27\x2f\x37\x3f])"
    rb"|(?P<from_at>[\x47\x4f\x57\x5f\x67\x6f\x77\x7f])(?P<place>.))"
    rb"|(?P<size>\x66\xc7|\xc7|\xc6)(?:\x07|\x47(?P<at>.))(?P<number>.{1,4})",
    re.DOTALL,
)
"""`movabs $N, %R`, `mov $N, %R`, `mov %R, D(%rdi)` and `mov $N, D(%rdi)` of AMD's manual of the architecture: the
first argument of a function is in %rdi.
"""
_NUMBER_SIZES = {b"\x66\xc7": 2, b"\xc7": 4, b"\xc6": 1}


def rocblas_version(file: BinaryIO) -> str:
    """`4.2.4`; empty where the library does not tell, or is for another processor than x86-64."""
    found = ""
    with nonsense_ends():
        elf = ELFFile(file)
        if elf["e_machine"] == "EM_X86_64" and elf.elfclass == 64:
            found = _version(elf)
    return found


def _version(elf: ELFFile) -> str:
    address, size = _function(elf)
    loads = [one for one in program_headers(elf) if one["p_type"] == "PT_LOAD"]
    code = _read(elf, loads, address, min(size, _CODE_LIMIT))
    texts = [_stored(code), *(_read(elf, loads, place, _TEXT_LIMIT) for place in sorted(_named(code, address)))]
    versions = (_VERSION.match(text) for text in texts)
    return next((one[1].decode() for one in versions if one), "")


def _function(elf: ELFFile) -> tuple[int, int]:
    """Where the function lies in memory, and its size; zeros where there is none."""
    symbols, names = elf.get_section_by_name(".dynsym"), elf.get_section_by_name(".dynstr")
    end = elf.stream.seek(0, io.SEEK_END)
    if symbols is None or names is None or max(symbols["sh_size"], names["sh_size"]) > min(_TABLE_LIMIT, end):
        return 0, 0
    wanted = names.data().find(b"\0" + _SYMBOL + b"\0") + 1
    layout = struct.Struct("<IBBHQQ")
    content = symbols.data()
    for name, _, _, _, address, size in layout.iter_unpack(content[: len(content) // layout.size * layout.size]):
        if wanted and name == wanted:
            return address, size
    return 0, 0


def _read(elf: ELFFile, loads: Sequence[Mapping[str, int]], address: int, size: int) -> bytes:
    """What the file holds for *address*; empty where it holds nothing. *loads* are its PT_LOAD."""
    for header in loads:
        within = address - header["p_vaddr"]
        if 0 <= within < header["p_filesz"]:
            elf.stream.seek(header["p_offset"] + within)
            content: bytes = elf.stream.read(min(size, header["p_filesz"] - within))
            return content
    return b""


def _named(code: bytes, address: int) -> Iterator[int]:
    """Every address that four bytes of *code* may mean, as instructions say it: from where they end."""
    for offset in range(len(code) - 3):
        yield address + offset + 4 + struct.unpack_from("<i", code, offset)[0]


def _stored(code: bytes) -> bytes:
    """What *code* puts where %rdi points to, as far as it is made of numbers."""
    text, registers = bytearray(_TEXT_LIMIT), dict.fromkeys(range(8), b"")
    position = 0
    while one := _INSTRUCTIONS.search(code, position):
        position = one.end()
        if loaded := one["wide"] or one["narrow"]:
            registers[loaded[0] & 7] = one["long"] or one["short"]
            continue
        content, place = b"", one["place"] or one["at"] or b"\0"
        if stored := one["from"] or one["from_at"]:
            content = registers[stored[0] >> 3 & 7]
        elif one["size"]:
            content = one["number"][: _NUMBER_SIZES[one["size"]]]
            position = one.start("number") + len(content)
        if place[0] + len(content) <= _TEXT_LIMIT:
            text[place[0] : place[0] + len(content)] = content
    return bytes(text)
