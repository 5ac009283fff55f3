"""Whether an ELF file is whole: what its headers promise lies in it."""

from __future__ import annotations

import io
from typing import BinaryIO

from elftools.elf.elffile import ELFFile

from rocmswitch.metadata.elf import MAGIC, nonsense_ends, program_headers

_ARCHIVE = b"!<arch>\n"
_KINDS = {"ET_EXEC": "a program", "ET_REL": "an object file", "ET_CORE": "a core dump"}


def flaw_of(file: BinaryIO) -> tuple[str, bool]:
    """Why the loader could not use *file* as a library, and whether it is a damaged one; empty for a good one.

    `it is cut short` also where only tables are missing that no loader reads, the section headers at its end:
    then bytes are missing, whichever they are.
    """
    file.seek(0)
    start = file.read(len(_ARCHIVE))
    if not start.startswith(MAGIC):
        return ("it is a static archive" if start == _ARCHIVE else "it is no ELF file"), False
    with nonsense_ends():
        return _flaw(ELFFile(file), file.seek(0, io.SEEK_END))
    return "its headers hold nonsense, or it is cut short", True


def _flaw(elf: ELFFile, size: int) -> tuple[str, bool]:
    headers = program_headers(elf)
    ends = [one["p_offset"] + one["p_filesz"] for one in headers if one["p_type"] == "PT_LOAD"]
    ends.append(elf["e_shoff"] + elf["e_shnum"] * elf["e_shentsize"])
    if max(ends) > size:
        return "it is cut short", True
    kind = str(elf["e_type"])
    if kind in _KINDS:
        return f"it is {_KINDS[kind]}", False
    if not any(one["p_type"] == "PT_DYNAMIC" and one["p_filesz"] for one in headers):
        return "it has no dynamic section", False
    return "", False
