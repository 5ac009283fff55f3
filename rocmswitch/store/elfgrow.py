"""Room for a search path and the name of a loader at the end of an ELF file, where there is none between segments.

lld lays segments out without filling, so a file of LLVM's has no room for either. What patchelf would write as a
new file of the same content, with twice its size as memory, is here an edit: the dynamic strings are copied to the
end, with the new ones behind them, and a PT_LOAD for them takes the place of the PT_NOTE. Loader and kernel can do
without that one: it leads debuggers to the build id, which is still in its section.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from elftools.elf.elffile import ELFFile

from rocmswitch.metadata.elf import nonsense_ends
from rocmswitch.store.elfpatch import Edit, Table

_PAGE = 4096
_PT_LOAD, _PF_R = 1, 4
_PHDR = struct.Struct("<IIQQQQQQ")
"""Elf64_Phdr: type, flags, offset, two addresses, two sizes, alignment."""
_STRINGS_LIMIT = 64 * 1024 * 1024
"""Bytes of dynamic strings. libLLVM has 4 MB of them."""


def appended_edits(file: BinaryIO, rpath: str | None, interpreter: str | None) -> tuple[Edit, ...] | None:
    """What gives *file* the DT_RPATH *rpath* and the loader *interpreter*, by bytes behind its end.

    None where it has no PT_NOTE behind its segments, or tables that cannot be read.
    """
    elf = ELFFile(file)
    if elf.elfclass != 64 or not elf.little_endian:
        return None
    with nonsense_ends():
        return _Growth(Table(elf), file).edits(rpath, interpreter)
    return None


class _Growth:
    """What is put behind the end of one file, and everything that has to point there."""

    def __init__(self, table: Table, file: BinaryIO) -> None:
        self._table = table
        self._file = file
        self._offset = _aligned(file.seek(0, 2))
        loads = [one for one in table.headers if one["p_type"] == "PT_LOAD"]
        self._address = _aligned(max((one["p_vaddr"] + one["p_memsz"] for one in loads), default=0))
        self._content = b""

    def edits(self, rpath: str | None, interpreter: str | None) -> tuple[Edit, ...] | None:
        place = self._place_of_header()
        slots = self._table.search_path_slots() if rpath is not None else []
        strings = self._strings() if rpath is not None else b""
        if place is None or strings is None or (rpath is not None and not slots):
            return None
        edits: list[Edit] = []
        if rpath is not None:
            edits += self._longer_strings(strings, rpath, slots)
        if interpreter is not None:
            edits += self._interpreter(interpreter)
        size = len(self._content)
        header = _PHDR.pack(_PT_LOAD, _PF_R, self._offset, self._address, self._address, size, size, _PAGE)
        return (*edits, Edit(place, header), Edit(self._offset, self._content.ljust(_aligned(size), b"\0")))

    def _place_of_header(self) -> int | None:
        """Of a PT_NOTE behind the last PT_LOAD: the loader wants segments in the order of their addresses."""
        types = [one["p_type"] for one in self._table.headers]
        last = len(types) - 1 - types[::-1].index("PT_LOAD") if "PT_LOAD" in types else len(types)
        note = next((one for one in self._table.headers[last + 1 :] if one["p_type"] == "PT_NOTE"), None)
        return None if note is None else self._table.header_place(note)

    def _strings(self) -> bytes | None:
        """All dynamic strings as they are."""
        address, size = self._table.value("DT_STRTAB"), self._table.value("DT_STRSZ")
        load = self._table.load_of(address)
        if load is None or not 0 < size <= min(_STRINGS_LIMIT, load["p_vaddr"] + load["p_filesz"] - address):
            return None
        self._file.seek(load["p_offset"] + address - load["p_vaddr"])
        found = self._file.read(size)
        return found if len(found) == size else None

    def _longer_strings(self, strings: bytes, rpath: str, slots: list[int]) -> Iterator[Edit]:
        address = self._append(strings + rpath.encode() + b"\0")
        size = len(self._content)
        yield from (self._table.entry(number, "DT_RPATH", len(strings)) for number in slots)
        yield from self._table.moved_strings(address, self._offset, size)

    def _interpreter(self, name: str) -> Iterator[Edit]:
        header = next((one for one in self._table.headers if one["p_type"] == "PT_INTERP"), None)
        if header is not None:
            text = name.encode() + b"\0"
            address = self._append(text)
            offset = address - self._address + self._offset
            yield from self._table.moved_interpreter(header, offset, address, len(text))

    def _append(self, content: bytes) -> int:
        """The address that *content* gets."""
        address = self._address + len(self._content)
        self._content += content
        return address


def _aligned(number: int) -> int:
    return -(-number // _PAGE) * _PAGE
