"""Unified kernel images: a small one laid out as the linker does it, and a real one of systemd's stub by objcopy.

unified(initrd, release=KERNEL)              # bytes; tests/integration/test_unified_images.py holds it to binutils
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.kernelmodules import KERNEL

BLOCK = 512
STUB = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
_PE, _OPTIONAL, _SECTION = 0x80, 240, 40
_X86_64, _PE32_PLUS, _EXECUTABLE = 0x8664, 0x20B, 0x22


def unified(
    initrd: bytes | None, release: str = KERNEL, *, line: str = "quiet", more: Iterable[tuple[str, bytes]] = ()
) -> bytes:
    """A kernel that is none with *initrd*; *release* empty for one that does not say what it boots."""
    sections = [(".osrel", b"ID=debian\n"), (".cmdline", line.encode() + b"\0"), (".linux", b"the kernel" * 200)]
    sections += [(".uname", release.encode())] if release else []
    sections += [(".initrd", initrd)] if initrd is not None else []
    return program([*sections, *more])


def program(sections: Iterable[tuple[str, bytes]]) -> bytes:
    """A program for EFI of *sections*, which does nothing."""
    chosen = list(sections)
    head = _filled(_PE + 24 + _OPTIONAL + _SECTION * len(chosen))
    table, body, address = b"", b"", 0x1000
    for name, content in chosen:
        raw = content + b"\0" * (_filled(len(content)) - len(content))
        place = (len(content), address, len(raw), head + len(body))
        table += struct.pack("<8s4I2I2HI", name.encode(), *place, 0, 0, 0, 0, 0x40000040)
        body, address = body + raw, address + (len(raw) // 0x1000 + 1) * 0x1000
    coff = struct.pack("<2H3I2H", _X86_64, len(chosen), 0, 0, 0, _OPTIONAL, _EXECUTABLE)
    optional = struct.pack("<H2B5IQ2I6H4I2H4Q2I", *_optional(head, address), 0, 16) + b"\0" * 128
    dos = b"MZ" + b"\0" * 58 + struct.pack("<I", _PE)
    made = dos + b"\0" * (_PE - len(dos)) + b"PE\0\0" + coff + optional + table
    return made + b"\0" * (head - len(made)) + body


def real(folder: Path, initrd: bytes, release: str = KERNEL) -> bytes:
    """By systemd's stub and objcopy, as before there was ukify; skips where one of them is missing."""
    if not STUB.exists() or shutil.which("objcopy") is None:
        pytest.skip("no stub for unified images here: install systemd-boot-efi and binutils")
    words, address = [], 0x2000000
    parts = (
        (".osrel", b"ID=debian\n"),
        (".uname", release.encode()),
        (".linux", b"kernel" * 9),
        (".initrd", initrd),
    )
    for name, content in parts:
        file = folder / f"section{name}"
        file.write_bytes(content)
        words += ["--add-section", f"{name}={file}", "--change-section-vma", f"{name}={address:#x}"]
        address += 0x1000000
    subprocess.run(["objcopy", *words, STUB, folder / "real.efi"], check=True)
    return (folder / "real.efi").read_bytes()


def _optional(head: int, end: int) -> tuple[int, ...]:
    sizes = (0, 0, 0, 0, 0x1000, 0, 0x1000, BLOCK)
    return (_PE32_PLUS, 0, 0, *sizes, 0, 0, 0, 0, 0, 0, 0, end, head, 0, 10, 0, 0, 0, 0, 0)


def _filled(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
