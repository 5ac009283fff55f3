"""What a boot loader does: takes the kernel and its boot image from the disk, *without* replaying the journal.

GRUB reads ext4 that way too: a new initramfs that only stands in the journal is not yet there for it.
"""

from __future__ import annotations

import hashlib
import lzma
import re
import subprocess
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import zstandard

_SETUP_SECTORS, _PAYLOAD_OFFSET, _PAYLOAD_LENGTH = 0x1F1, 0x248, 0x24C
"""Of a bzImage: Documentation/arch/x86/boot.rst."""

_DECOMPRESSORS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\xfd7zXZ\x00": lambda packed: lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(packed),
    b"\x28\xb5\x2f\xfd": lambda packed: zstandard.ZstdDecompressor().decompressobj().decompress(packed),
}


def installed_kernels(disk: Path, folder: str = "/boot") -> tuple[str, ...]:
    """The releases whose kernel lies in *folder* of *disk*, the newest last."""
    listing = _debugfs(disk, f"ls -p {folder}").decode()
    names = re.findall(r"/vmlinuz-([^/]+)/", listing)
    return tuple(sorted(names, key=lambda name: [int(word) for word in re.findall(r"\d+", name)]))


def read_boot(disk: Path, kernel: str, target: Path, folder: str = "/boot") -> tuple[Path, Path]:
    """The kernel, unpacked, and its boot image, as files in *target*. Says what is not there by AssertionError."""
    packed, image = target / "vmlinuz", target / "initrd.img"
    for name, file in ((f"vmlinuz-{kernel}", packed), (f"initrd.img-{kernel}", image)):
        inside = PurePosixPath(folder, name)
        file.unlink(missing_ok=True)
        _debugfs(disk, f"dump {inside} {file}")
        if not file.exists() or not file.stat().st_size:
            raise AssertionError(f"the boot loader finds no {inside}")
    return _unpacked(packed), image


def _unpacked(bzimage: Path) -> Path:
    """The ELF file inside, which qemu starts by PVH: saves five seconds of decompressing under emulation."""
    content = bzimage.read_bytes()
    kernel = bzimage.with_name(f"vmlinux-{hashlib.sha256(content).hexdigest()[:12]}")
    if kernel.exists():
        return kernel
    start = (content[_SETUP_SECTORS] + 1) * 512 + _number(content, _PAYLOAD_OFFSET)
    payload = content[start : start + _number(content, _PAYLOAD_LENGTH)]
    for magic, decompress in _DECOMPRESSORS.items():
        if payload.startswith(magic):
            kernel.write_bytes(decompress(payload))
            return kernel
    return bzimage


def _number(content: bytes, offset: int) -> int:
    return int.from_bytes(content[offset : offset + 4], "little")


def _debugfs(disk: Path, request: str) -> bytes:
    """debugfs(8) complains on stderr alone and always ends with 0: what it was to bring has to be looked at.

    As GRUB, it looks at no bitmap and no checksum: they do not agree before the journal is replayed.
    """
    return subprocess.run(["debugfs", "-c", "-n", "-R", request, str(disk)], capture_output=True, check=True).stdout
