"""Which GPU a compiled HIP program carries code for, read from its ELF files and not from what was asked for.

A HIP program keeps its code objects in the section `.hip_fatbin`, as clang's offload bundle: the magic, a
64-bit count, then per entry offset, size and length of its name (clang, "Clang Offload Bundler"). Each code
object is an ELF file of machine 224 whose flags name the GPU (LLVM, "User Guide for AMDGPU Backend").
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.elffile import ELFFile

MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"
AMD_GPU = 224
PROCESSORS = {0x33: "gfx1010", 0x34: "gfx1011", 0x35: "gfx1012", 0x36: "gfx1030", 0x41: "gfx1100"}


def bundle_entries(bundle: bytes) -> Iterator[tuple[str, bytes]]:
    """The name and the content of each entry. Raises ValueError where *bundle* is none."""
    if not bundle.startswith(MAGIC):
        raise ValueError("no offload bundle")
    (count,) = struct.unpack_from("<Q", bundle, len(MAGIC))
    at = len(MAGIC) + 8
    for _ in range(count):
        offset, size, length = struct.unpack_from("<3Q", bundle, at)
        name = bundle[at + 24 : at + 24 + length].decode()
        at += 24 + length
        yield name, bundle[offset : offset + size]


def processors(program: Path) -> list[str]:
    """The GPU of every code object in *program*, one printed line each."""
    found = []
    with program.open("rb") as file:
        section = ELFFile(file).get_section_by_name(".hip_fatbin")
        entries = list(bundle_entries(section.data())) if section else []
    for name, content in entries:
        if content[:4] == b"\x7fELF":
            header = ELFFile(io.BytesIO(content)).header
            flags, machine = header["e_flags"], header["e_machine"]
            processor = PROCESSORS.get(flags & 0xFF, "another GPU")
            right = machine in (AMD_GPU, "EM_AMDGPU")
            print(f"{name}: ELF machine {AMD_GPU if right else machine}, flags {flags:#x}: {processor}")
            found.append(processor if right else str(machine))
    return found


if __name__ == "__main__":
    program, wanted = sys.argv[1:]
    if processors(Path(program)) != [wanted]:
        sys.exit(f"error: `{program}` has no code object for {wanted} alone")
