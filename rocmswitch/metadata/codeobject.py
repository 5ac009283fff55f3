"""Which GPU an ELF file of machine code is for: a `.hsaco` or `.co` of kernels.

By the number in its flags (LLVM, User Guide for AMDGPU Backend, "AMDGPU ELF Header e_flags", EF_AMDGPU_MACH).
"""

from __future__ import annotations

from elftools.elf.elffile import ELFFile

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


def is_code_object(elf: ELFFile) -> bool:
    return elf["e_machine"] in (_MACHINE, "EM_AMDGPU")


def processor_of(elf: ELFFile) -> str:
    """`gfx1010`, with `:xnack+` or `:xnack-` where it is for that alone; empty for one that has no name here."""
    flags = elf["e_flags"]
    name = _PROCESSORS.get(flags & _PROCESSOR, "")
    # Older versions of the format say it in other bits, and ROCm 5 reads them no more.
    selects = elf["e_ident"]["EI_ABIVERSION"] >= _SELECTS_XNACK
    return name + (_XNACK.get(flags & 0x300, "") if selects and name else "")
