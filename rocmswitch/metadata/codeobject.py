"""Which GPU an ELF file of machine code is for: a `.hsaco` or `.co` of kernels.

By the number in its flags (LLVM, User Guide for AMDGPU Backend, "AMDGPU ELF Header e_flags", EF_AMDGPU_MACH).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_HEADER = struct.Struct("<4sBBBBB7xHHIQQQI")
"""Elf64_Ehdr up to e_flags: magic, class, order, version, OS, its ABI's version, type, machine, …"""
_ELF, _BITS_64, _LITTLE = b"\x7fELF", 2, 1
_MACHINE = 224
"""EM_AMDGPU, which the older of the ELF libraries do not know by name."""
_PROCESSOR = 0xFF
_SELECTS_XNACK = 2
"""The version from which the flags have two bits for it: ELFABIVERSION_AMDGPU_HSA_V4."""
_XNACK = {0x200: ":xnack-", 0x300: ":xnack+"}
_LIST = """
    20=gfx600 21=gfx601 22=gfx700 23=gfx701 24=gfx702 25=gfx703 26=gfx704 28=gfx801 29=gfx802 2a=gfx803
    2b=gfx810 2c=gfx900 2d=gfx902 2e=gfx904 2f=gfx906 30=gfx908 31=gfx909 32=gfx90c 33=gfx1010 34=gfx1011
    35=gfx1012 36=gfx1030 37=gfx1031 38=gfx1032 39=gfx1033 3a=gfx602 3b=gfx705 3c=gfx805 3d=gfx1035
    3e=gfx1034 3f=gfx90a 40=gfx940 41=gfx1100 42=gfx1013 43=gfx1150 44=gfx1103 45=gfx1036 46=gfx1101
    47=gfx1102 48=gfx1200 49=gfx1250 4a=gfx1151 4b=gfx941 4c=gfx942 4e=gfx1201 4f=gfx950 50=gfx1310
    51=gfx9-generic 52=gfx10-1-generic 53=gfx10-3-generic 54=gfx11-generic 55=gfx1152 58=gfx1153
    59=gfx12-generic 5a=gfx1251 5b=gfx12-5-generic 5c=gfx1172 5d=gfx1170 5e=gfx1171 5f=gfx9-4-generic
"""
_PROCESSORS = {int(number, 16): name for number, _, name in (one.partition("=") for one in _LIST.split())}
PROCESSORS = tuple(_PROCESSORS.values())
"""The names of all that have one here."""


def is_code_object(elf: ELFFile) -> bool:
    return elf["e_machine"] in (_MACHINE, "EM_AMDGPU")


def processor_of(elf: ELFFile) -> str:
    """`gfx1010`, with `:xnack+` or `:xnack-` where it is for that alone; empty for one that has no name here."""
    return _named(elf["e_flags"], elf["e_ident"]["EI_ABIVERSION"])


def processor_in(head: bytes) -> str:
    """The same from the first 64 bytes of a file; empty, too, where they begin no code object."""
    if len(head) < _HEADER.size:
        return ""
    magic, bits, order, _, _, version, _, machine, *_, flags = _HEADER.unpack_from(head)
    if (magic, bits, order, machine) != (_ELF, _BITS_64, _LITTLE, _MACHINE):
        return ""
    return _named(flags, version)


def _named(flags: int, version: int) -> str:
    name = _PROCESSORS.get(flags & _PROCESSOR, "")
    # Older versions of the format say it in other bits, and ROCm 5 reads them no more.
    selects = version >= _SELECTS_XNACK
    return name + (_XNACK.get(flags & 0x300, "") if selects and name else "")
