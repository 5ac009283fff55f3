"""What the dynamic loader would read of an ELF file: names, search paths, symbol versions, the stack flag.

Only the program headers and the tables that they lead to are read, by seeking: section headers can be
stripped, and a library of 120 MB costs as little as a small one.
"""

from __future__ import annotations

import contextlib
import errno
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from elftools.common.exceptions import ELFError
from elftools.common.utils import struct_parse
from elftools.elf.constants import P_FLAGS
from elftools.elf.elffile import ELFFile

MAGIC = b"\x7fELF"

_RECORD_LIMIT = 20_000
"""Of one file. A large library has some hundred; a hostile file may claim that four thousand million follow."""
_STRING_LIMIT = 8192
"""Bytes. The longest real ones are search paths; a string without an end would read the whole file."""
_NAMES_THE_FILE_ITSELF = 0x1
"""VER_FLG_BASE: this definition is the library's own name, not a version."""

_Entry = Any
"""A record as pyelftools parses it: a mapping from the field names of elf.h."""


@dataclass(frozen=True)
class ElfFacts:
    """One ELF file as the loader sees it. Machine and type are elf.h's names: `EM_X86_64`, `ET_DYN`."""

    machine: str
    type: str
    bits: int
    soname: str = ""
    needed: tuple[str, ...] = ()
    rpath: str = ""
    runpath: str = ""
    interpreter: str = ""
    needed_versions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """For each library by its soname, the symbol versions that it must define."""
    defined_versions: tuple[str, ...] = ()
    executable_stack: bool = False
    """PT_GNU_STACK is there and has PF_X."""


def parse_elf(file: BinaryIO) -> ElfFacts | None:
    """The facts of an open *file*; None where it is no ELF file, or so damaged that no loader would take it."""
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        return None
    with nonsense_ends():
        return _facts(ELFFile(file))
    return None


@contextlib.contextmanager
def nonsense_ends() -> Iterator[None]:
    """End the block without an error where tables lie outside the file or hold nonsense."""
    try:
        yield
    except (ELFError, ValueError, OverflowError, struct.error):
        return
    except OSError as error:
        # What lseek(2) says of an offset that no file can have; anything else is the disk's failure.
        if error.errno != errno.EINVAL:
            raise


def _facts(elf: ELFFile) -> ElfFacts:
    headers = program_headers(elf)
    table = _DynamicTable(elf, headers)
    return ElfFacts(
        machine=str(elf["e_machine"]),
        type=str(elf["e_type"]),
        bits=elf.elfclass,
        soname=table.text("DT_SONAME"),
        needed=table.texts("DT_NEEDED"),
        rpath=table.text("DT_RPATH"),
        runpath=table.text("DT_RUNPATH"),
        interpreter=next((_string(elf, one["p_offset"]) for one in headers if one["p_type"] == "PT_INTERP"), ""),
        needed_versions=table.needed_versions(),
        defined_versions=table.defined_versions(),
        executable_stack=any(
            one["p_type"] == "PT_GNU_STACK" and bool(one["p_flags"] & P_FLAGS.PF_X) for one in headers
        ),
    )


def program_headers(elf: ELFFile) -> list[_Entry]:
    """All of them, without `iter_segments`, which walks the section headers for the sake of PT_DYNAMIC."""
    start, step = elf["e_phoff"], elf["e_phentsize"]
    return [
        struct_parse(elf.structs.Elf_Phdr, elf.stream, stream_pos=start + number * step)
        for number in range(elf["e_phnum"])
    ]


class _DynamicTable:
    """The tags that PT_DYNAMIC holds, and the tables of strings and versions that they give the address of."""

    def __init__(self, elf: ELFFile, headers: list[_Entry]) -> None:
        self._elf = elf
        self._loads = [one for one in headers if one["p_type"] == "PT_LOAD"]
        self._tags: dict[str, list[int]] = {}
        self._records = 0
        for header in headers:
            if header["p_type"] == "PT_DYNAMIC":
                self._read(header["p_offset"], header["p_filesz"])
        self._strings = self._offset("DT_STRTAB")

    def texts(self, tag: str) -> tuple[str, ...]:
        return tuple(self._text(value) for value in self._tags.get(tag, ()))

    def text(self, tag: str) -> str:
        return next(iter(self.texts(tag)), "")

    def needed_versions(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        structs = self._elf.structs
        return tuple(
            (self._text(entry["vn_file"]), tuple(self._text(one["vna_name"]) for _, one in auxiliaries))
            for entry, auxiliaries in self._versions("DT_VERNEED", "vn", structs.Elf_Verneed, structs.Elf_Vernaux)
        )

    def defined_versions(self) -> tuple[str, ...]:
        structs = self._elf.structs
        return tuple(
            self._text(next(auxiliaries)[1]["vda_name"])
            for entry, auxiliaries in self._versions("DT_VERDEF", "vd", structs.Elf_Verdef, structs.Elf_Verdaux)
            if not entry["vd_flags"] & _NAMES_THE_FILE_ITSELF
        )

    def _read(self, start: int, size: int) -> None:
        step = self._elf.structs.Elf_Dyn.sizeof()
        for number in range(size // step):
            tag = self._record(self._elf.structs.Elf_Dyn, start + number * step)
            if tag["d_tag"] == "DT_NULL":
                return
            self._tags.setdefault(str(tag["d_tag"]), []).append(tag["d_val"])

    def _offset(self, tag: str) -> int:
        """Where in the file the table lies whose address *tag* gives; 0 where there is none."""
        address = self._tags.get(tag, [0])[0]
        for load in self._loads:
            if load["p_vaddr"] <= address < load["p_vaddr"] + load["p_filesz"]:
                return int(address - load["p_vaddr"] + load["p_offset"])
        return 0

    def _text(self, offset: int) -> str:
        return _string(self._elf, self._strings + offset)

    def _versions(
        self, tag: str, prefix: str, layout: _Entry, auxiliary: _Entry
    ) -> Iterator[tuple[_Entry, Iterator[tuple[int, _Entry]]]]:
        """Each record of the table at *tag*, with the names that hang on it (gABI supplement, LSB 10.7)."""
        start = self._offset(tag) if tag in self._tags else 0
        if start:
            for offset, entry in self._linked(layout, start, self._tags.get(f"{tag}NUM", [0])[0], f"{prefix}_next"):
                first, count = offset + entry[f"{prefix}_aux"], entry[f"{prefix}_cnt"]
                yield entry, self._linked(auxiliary, first, max(count, 1), f"{prefix}a_next")

    def _linked(self, layout: _Entry, offset: int, count: int, following: str) -> Iterator[tuple[int, _Entry]]:
        """Records of which each says how far away the next one is."""
        for _ in range(count):
            entry = self._record(layout, offset)
            yield offset, entry
            if not entry[following]:
                return
            offset += entry[following]

    def _record(self, layout: _Entry, offset: int) -> _Entry:
        self._records += 1
        if self._records > _RECORD_LIMIT:
            raise ELFError("more records than any real file has")
        return struct_parse(layout, self._elf.stream, stream_pos=offset)


def _string(elf: ELFFile, offset: int) -> str:
    elf.stream.seek(offset)
    text, end, _ = elf.stream.read(_STRING_LIMIT).partition(b"\0")
    if not end:
        raise ELFError("a string without an end")
    return text.decode()
