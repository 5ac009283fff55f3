"""What a kernel module says of itself, and whether it is whole: the facts of its `.modinfo`, its signature's mark.

All sections have to lie in the file, and nothing but a signature behind them: a file that was cut is seen, because
the table of sections and the signature stand at its end (one that lost exactly its signature is an unsigned one).
Bytes that were exchanged for others in the middle cannot be seen here: only a hash that the package or a snapshot
states, or the signature, tells.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.common.utils import struct_parse
from elftools.elf.elffile import ELFFile

from rocmswitch.metadata.elf import MAGIC, nonsense_ends

_SIGNATURE_MARK = b"~Module signature appended~\n"
"""What the kernel looks for at the end of a signed module, include/linux/module_signature.h."""

_INFO, _ITSELF = b".modinfo", b".gnu.linkonce.this_module"
_SECTION_LIMIT = 65_536
_FILLING = 16
"""Bytes that a linker may leave behind the last table."""
_WITHOUT_BYTES = "SHT_NOBITS"

_Section = Any
"""A section header as pyelftools parses it: a mapping from the field names of elf.h."""


class Damaged(Exception):
    """Why these bytes are no kernel module, or not all of one: the end of a sentence that begins with its name."""


@dataclass(frozen=True)
class ModuleFacts:
    """As of `.modinfo`; empty where it does not say."""

    machine: str
    """elf.h's name: `EM_X86_64`."""
    name: str
    """As modprobe calls it; modules before Linux 4.16 do not say it."""
    vermagic: str
    version: str
    parameters: tuple[str, ...]
    """`NAME:TYPE`."""
    is_signed: bool


def parse_module(content: bytes) -> ModuleFacts:
    """The facts of an unpacked module. Raises Damaged."""
    if not content.startswith(MAGIC):
        raise Damaged("is no ELF file")
    with nonsense_ends():
        return _facts(ELFFile(io.BytesIO(content)), content)
    raise Damaged("has headers that hold nonsense, or is cut short")


def _facts(elf: ELFFile, content: bytes) -> ModuleFacts:
    if str(elf["e_type"]) != "ET_REL":
        raise Damaged("is no kernel module but a program or library")
    sections = _sections(elf, content)
    if _ITSELF not in sections or _INFO not in sections:
        raise Damaged("is an object file, but no kernel module")
    lines = [one.decode("utf-8", "replace") for one in sections[_INFO].split(b"\0")]
    return ModuleFacts(
        machine=str(elf["e_machine"]),
        name=_first(lines, "name"),
        vermagic=_first(lines, "vermagic").strip(),
        version=_first(lines, "version"),
        parameters=tuple(sorted(one.partition("=")[2] for one in lines if one.startswith("parmtype="))),
        is_signed=content.endswith(_SIGNATURE_MARK),
    )


def _first(lines: list[str], field: str) -> str:
    return next((one.partition("=")[2] for one in lines if one.startswith(f"{field}=")), "")


def _sections(elf: ELFFile, content: bytes) -> dict[bytes, bytes]:
    """The bytes of the two sections that are needed, by name. Raises Damaged where any section leaves the file."""
    headers = _headers(elf)
    names = _bytes(headers[elf["e_shstrndx"]], content) if elf["e_shstrndx"] < len(headers) else b""
    found, end = {}, elf["e_shoff"] + len(headers) * elf["e_shentsize"]
    for header in headers:
        name = _name(names, header["sh_name"])
        held = _bytes(header, content)
        end = max(end, header["sh_offset"] + len(held))
        if name in (_INFO, _ITSELF):
            found[name] = held
    if len(content) - end > _FILLING and not content.endswith(_SIGNATURE_MARK):
        raise Damaged("has bytes behind its end that are no signature, or not all of one")
    return found


def _name(names: bytes, at: int) -> bytes:
    return names[at : names.find(b"\0", at) if at < len(names) else None]


def _headers(elf: ELFFile) -> list[_Section]:
    """All, without `iter_sections`, which reads into those that it knows."""
    start, step, count = elf["e_shoff"], elf["e_shentsize"], elf["e_shnum"]
    if count > _SECTION_LIMIT or step != elf.structs.Elf_Shdr.sizeof():
        raise ELFError("no table of sections that any linker writes")
    return [
        struct_parse(elf.structs.Elf_Shdr, elf.stream, stream_pos=start + number * step) for number in range(count)
    ]


def _bytes(header: _Section, content: bytes) -> bytes:
    if header["sh_type"] == _WITHOUT_BYTES:
        return b""
    start, size = header["sh_offset"], header["sh_size"]
    if start + size > len(content):
        raise Damaged("is cut short")
    return content[start : start + size]
