"""The three things that relocation changes in an ELF file, as a few bytes at known places.

patchelf rewrites whole files and needs twice their size as memory (libraries of ROCm reach 1 GB), so it is the
way only where there is no other: where the dynamic table has no free entry, or there is room neither in the
filling between two segments nor behind the end (elfgrow). GNU ld leaves both, and pyelftools tells where they are.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from elftools.common.utils import struct_parse
from elftools.construct.lib.container import Container
from elftools.elf.constants import P_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_D_TAG

from rocmswitch.metadata.elf import nonsense_ends

_PAGE = 4096
_PIECE = 1024 * 1024
_P_FLAGS_AT = 4
_P_FILESZ_AT = 32
_P_OFFSET_AT = 8
_SH_SIZE_AT = 32
_SH_ADDR_AT = 16
"""Places in Elf64_Phdr, where p_memsz follows p_filesz and two addresses p_offset, and in Elf64_Shdr, where the
address is followed by offset and size."""


@dataclass(frozen=True)
class Edit:
    """*content* in place of as many bytes at *offset*."""

    offset: int
    content: bytes


def search_path_edits(file: BinaryIO, rpath: str) -> tuple[Edit, ...] | None:
    """What makes *rpath* the DT_RPATH of *file* and leaves it no DT_RUNPATH; None where there is no room.

    None, too, where its sections cannot be read: the loader needs none of them.
    """
    elf = ELFFile(file)
    if elf.elfclass != 64 or not elf.little_endian:
        return None
    with nonsense_ends():
        return Table(elf).edits(rpath)
    return None


def interpreter_edits(file: BinaryIO, interpreter: str) -> tuple[Edit, ...] | None:
    """What lets *file*, a program, start by the loader *interpreter*; None where there is no room for the name.

    It goes into the filling behind a segment, never behind that of the string table, where a search path may go
    at the same time. The kernel reads it from the file (PT_INTERP's offset), the loader from memory (its address).
    """
    elf = ELFFile(file)
    if elf.elfclass != 64 or not elf.little_endian:
        return None
    with nonsense_ends():
        return Table(elf).interpreter_edits(interpreter.encode() + b"\0")
    return None


def stack_edit(file: BinaryIO) -> Edit | None:
    """What takes PF_X from PT_GNU_STACK, by which a file asks for an executable stack; None where it does not."""
    elf = ELFFile(file)
    for number, header in enumerate(_program_headers(elf)):
        if header["p_type"] == "PT_GNU_STACK" and header["p_flags"] & P_FLAGS.PF_X and elf.elfclass == 64:
            order = "<I" if elf.little_endian else ">I"
            place = elf["e_phoff"] + number * elf["e_phentsize"] + _P_FLAGS_AT
            return Edit(place, struct.pack(order, header["p_flags"] & ~P_FLAGS.PF_X))
    return None


class Table:
    """The dynamic table of one file and its program headers, and the room that they and their strings have."""

    def __init__(self, elf: ELFFile) -> None:
        self._elf = elf
        self.headers = _program_headers(elf)

    def edits(self, rpath: str) -> tuple[Edit, ...] | None:
        slots = self._search_paths()
        values = [self._tags[number][1] for number in slots]
        if slots and all(self._text(value) == rpath for value in values):
            return tuple(self.entry(number, "DT_RPATH", value) for number, value in zip(slots, values, strict=True))
        slots = self.search_path_slots()
        placed = self._place(rpath.encode() + b"\0")
        if not slots or placed is None:
            return None
        address, edits = placed
        return (*edits, *(self.entry(number, "DT_RPATH", address - self.value("DT_STRTAB")) for number in slots))

    def search_path_slots(self) -> list[int]:
        """The entries of the dynamic table that a search path goes into: those that have one, or a free one."""
        return self._search_paths() or self._free_slot()

    def _search_paths(self) -> list[int]:
        return [number for number, (tag, _) in enumerate(self._tags) if tag in ("DT_RPATH", "DT_RUNPATH")]

    @cached_property
    def _start(self) -> int:
        return next((int(one["p_offset"]) for one in self.headers if one["p_type"] == "PT_DYNAMIC"), 0)

    @cached_property
    def _tags(self) -> list[tuple[str, int]]:
        """The whole table, free entries at its end included."""
        layout = self._elf.structs.Elf_Dyn
        size = next((one["p_filesz"] for one in self.headers if one["p_type"] == "PT_DYNAMIC"), 0)
        places = range(self._start, self._start + size, layout.sizeof())
        tags = (struct_parse(layout, self._elf.stream, stream_pos=place) for place in places)
        return [(str(tag["d_tag"]), int(tag["d_val"])) for tag in tags]

    def value(self, name: str) -> int:
        return next((value for tag, value in self._tags if tag == name), 0)

    def _text(self, value: int) -> str:
        load = self.load_of(self.value("DT_STRTAB"))
        if load is None:
            return ""
        self._elf.stream.seek(load["p_offset"] + self.value("DT_STRTAB") - load["p_vaddr"] + value)
        text: bytes = self._elf.stream.read(_PAGE)
        return text.partition(b"\0")[0].decode(errors="replace")

    def entry(self, number: int, tag: str, value: int) -> Edit:
        layout = self._elf.structs.Elf_Dyn
        return Edit(self._start + number * layout.sizeof(), struct.pack("<QQ", ENUM_D_TAG[tag], value))

    def _free_slot(self) -> list[int]:
        """An entry to put the path in: the first free one, if another is left to end the table; else DT_RELACOUNT,
        which only spares the loader a comparison per relocation. patchelf (0.19) fails on GNU ld's full tables.
        """
        names = [tag for tag, _ in self._tags]
        free = names.index("DT_NULL") if "DT_NULL" in names else len(names)
        if free + 1 < len(names):
            return [free]
        return [names.index("DT_RELACOUNT")] if "DT_RELACOUNT" in names else []

    def _place(self, text: bytes) -> tuple[int, tuple[Edit, ...]] | None:
        """The address for *text* behind the segment of the string table, and what puts it there."""
        load = self.load_of(self.value("DT_STRTAB"))
        if load is None or load["p_filesz"] != load["p_memsz"] or len(text) > self._room(load):
            return None
        grown = self._behind(load, text)
        if not grown:
            return None
        address = load["p_vaddr"] + load["p_filesz"]
        return address, (
            *grown,
            *self._longer_table(address + len(text) - self.value("DT_STRTAB")),
        )

    def _longer_table(self, length: int) -> Iterator[Edit]:
        """The string table reaches to the new string, over what lies between: the loader goes by DT_STRTAB alone,
        but GNU ld refuses to link with a library whose strings lie behind the end of .dynstr (2.40).
        """
        for number, (tag, _) in enumerate(self._tags):
            if tag == "DT_STRSZ":
                yield self.entry(number, tag, length)
        for place in self._string_sections():
            yield Edit(place + _SH_SIZE_AT, struct.pack("<Q", length))

    def moved_strings(self, address: int, offset: int, length: int) -> Iterator[Edit]:
        """What leads to a copy of the string table at *offset* of the file and *address* in memory."""
        for number, (tag, _) in enumerate(self._tags):
            if tag in ("DT_STRTAB", "DT_STRSZ"):
                yield self.entry(number, tag, address if tag == "DT_STRTAB" else length)
        for place in self._string_sections():
            yield Edit(place + _SH_ADDR_AT, struct.pack("<QQQ", address, offset, length))

    def _string_sections(self) -> Iterator[int]:
        """Where the header of the section of dynamic strings stands."""
        for number, section in enumerate(self._sections()):
            if section["sh_type"] == "SHT_STRTAB" and section["sh_addr"] == self.value("DT_STRTAB"):
                yield self._elf["e_shoff"] + number * self._elf["e_shentsize"]

    def interpreter_edits(self, name: bytes) -> tuple[Edit, ...] | None:
        """As the function; *name* ends with a zero byte."""
        header = next((one for one in self.headers if one["p_type"] == "PT_INTERP"), None)
        if header is None:
            return None
        if len(name) <= header["p_filesz"]:
            return (Edit(header["p_offset"], name.ljust(header["p_filesz"], b"\0")),)
        strings = self.load_of(self.value("DT_STRTAB"))
        for load in self.headers:
            if load["p_type"] != "PT_LOAD" or load is strings or load["p_filesz"] != load["p_memsz"]:
                continue
            grown = self._behind(load, name) if len(name) <= self._room(load) else ()
            if grown:
                offset, address = load["p_offset"] + load["p_filesz"], load["p_vaddr"] + load["p_filesz"]
                return (*grown, *self.moved_interpreter(header, offset, address, len(name)))
        return None

    def moved_interpreter(self, header: Container, offset: int, address: int, size: int) -> Iterator[Edit]:
        """What leads to the name of the loader at its new place; *header* is the PT_INTERP."""
        yield Edit(
            self.header_place(header) + _P_OFFSET_AT, struct.pack("<QQQQQ", offset, address, address, size, size)
        )
        yield from self._moved(header, offset, address, size)

    def _behind(self, load: Container, text: bytes) -> tuple[Edit, ...]:
        """What puts *text* behind *load* as a part of it; nothing where the file has other bytes there."""
        end, grown = load["p_offset"] + load["p_filesz"], load["p_filesz"] + len(text)
        self._elf.stream.seek(end)
        if self._elf.stream.read(len(text)) != bytes(len(text)):
            return ()
        return Edit(end, text), Edit(self.header_place(load) + _P_FILESZ_AT, struct.pack("<QQ", grown, grown))

    def header_place(self, header: Container) -> int:
        number = next(number for number, one in enumerate(self.headers) if one is header)
        return int(self._elf["e_phoff"] + number * self._elf["e_phentsize"])

    def _moved(self, header: Container, offset: int, address: int, size: int) -> Iterator[Edit]:
        """The section of what *header* says, for tools that read sections (readelf, patchelf)."""
        for number, section in enumerate(self._sections()):
            if section["sh_type"] == "SHT_PROGBITS" and section["sh_addr"] == header["p_vaddr"]:
                place = self._elf["e_shoff"] + number * self._elf["e_shentsize"]
                yield Edit(place + _SH_ADDR_AT, struct.pack("<QQQ", address, offset, size))
                return

    def _room(self, load: Container) -> int:
        """Bytes after *load* that its last page maps and that nothing else in the file or in memory uses."""
        end, address = load["p_offset"] + load["p_filesz"], load["p_vaddr"] + load["p_filesz"]
        room = -address % _PAGE
        for other in self.headers:
            if other["p_type"] == "PT_LOAD" and other["p_vaddr"] > load["p_vaddr"]:
                room = min(room, other["p_vaddr"] // _PAGE * _PAGE - address)
        places = [one["p_offset"] for one in self.headers if one["p_filesz"]]
        places += [one["sh_offset"] for one in self._sections() if one["sh_type"] != "SHT_NOBITS"]
        places += [self._elf["e_shoff"], self._elf["e_phoff"]]
        return int(min([room, *(place - end for place in places if place >= end)]))

    def _sections(self) -> Iterator[Container]:
        start, step = self._elf["e_shoff"], self._elf["e_shentsize"]
        for number in range(self._elf["e_shnum"]):
            yield struct_parse(self._elf.structs.Elf_Shdr, self._elf.stream, stream_pos=start + number * step)

    def load_of(self, address: int) -> Container | None:
        for header in self.headers:
            if header["p_type"] == "PT_LOAD" and 0 <= address - header["p_vaddr"] < header["p_filesz"]:
                return header
        return None


def _program_headers(elf: ELFFile) -> list[Container]:
    start, step = elf["e_phoff"], elf["e_phentsize"]
    return [
        struct_parse(elf.structs.Elf_Phdr, elf.stream, stream_pos=start + number * step)
        for number in range(elf.num_segments())
    ]


def copy_edited(source: BinaryIO, target: BinaryIO, edits: Iterable[Edit]) -> str:
    """*source* from its beginning into *target*, with the edits, some of which may lie behind its end; the SHA-256
    of the result in hex digits."""
    digest = hashlib.sha256()
    source.seek(0)
    position = 0
    while block := source.read(_PIECE):
        for edit in edits:
            block = _edited(block, position, edit)
        digest.update(block)
        target.write(block)
        position += len(block)
    for edit in sorted((one for one in edits if one.offset >= position), key=lambda one: one.offset):
        block = bytes(edit.offset - position) + edit.content
        digest.update(block)
        target.write(block)
        position += len(block)
    return digest.hexdigest()


def _edited(block: bytes, position: int, edit: Edit) -> bytes:
    """*block*, which lies at *position* of its file, with as much of the edit as falls into it."""
    first = max(edit.offset, position)
    last = min(edit.offset + len(edit.content), position + len(block))
    if first >= last:
        return block
    content = edit.content[first - edit.offset : last - edit.offset]
    return block[: first - position] + content + block[last - position :]
