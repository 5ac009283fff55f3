"""GPU code as compilers write it, byte by byte from the layouts that they document; it computes nothing.

section(bundle("gfx1010", "gfx1030"), packed(bundle("gfx1010")))   # as in `.hip_fatbin`
with_gpu_code(linked(library), section(bundle("gfx1010")))          # in a real library
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
import zlib
from functools import cache
from pathlib import Path

import msgspec
import pytest
import zstandard

PAGE = 4096
MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"
HOST = "host-x86_64-unknown-linux-gnu-"
ZLIB, ZSTD = 0, 1
_FLAGS = {
    "gfx1010": 0x133,
    "gfx1030": 0x136,
    "gfx90a": 0x13F,
    "gfx1010:xnack-": 0x233,
    "gfx90a:xnack+": 0x33F,
    "gfx10-1-generic": 0x152,
}


def bundle(*targets: str, size: int = 64, host: str = HOST) -> bytes:
    """A bundle with *size* bytes of code for each target, after the host's empty entry."""
    names = [host, *(f"hipv4-amdgcn-amd-amdhsa--{one}" for one in targets)]
    table = len(MAGIC) + 8 + sum(24 + len(name) for name in names)
    start = -(-table // PAGE) * PAGE
    places = [(0, 0), *((start + number * size, size) for number in range(len(targets)))]
    head = MAGIC + struct.pack("<Q", len(names))
    for (offset, length), name in zip(places, names, strict=True):
        head += struct.pack("<3Q", offset, length, len(name)) + name.encode()
    return head.ljust(start, b"\0") + b"\x7f" * (size * len(targets))


def packed(content: bytes, *, version: int = 3, method: int = ZSTD) -> bytes:
    """*content* as a compressed bundle; the hash in its header is none."""
    body = zlib.compress(content) if method == ZLIB else zstandard.compress(content)
    length = {1: 20, 2: 24, 3: 32}[version] + len(body)
    start = b"CCOB" + struct.pack("<HH", version, method)
    sizes = {1: ("<I", [len(content)]), 2: ("<II", [length, len(content)]), 3: ("<QQ", [length, len(content)])}
    layout, numbers = sizes[version]
    return start + struct.pack(layout, *numbers) + bytes(8) + body


def section(*bundles: bytes) -> bytes:
    """Bundles one after the other, each at the begin of a page."""
    return b"".join(one.ljust(-(-len(one) // PAGE) * PAGE, b"\0") for one in bundles)


def code_object(target: str) -> bytes:
    """An ELF file for the GPU, without anything in it: the header alone (LLVM, AMDGPU, "Header")."""
    ident = b"\x7fELF\x02\x01\x01\x40\x02".ljust(16, b"\0")
    return ident + struct.pack("<HHIQQQIHHHHHH", 3, 224, 1, 0, 0, 0, _FLAGS[target], 64, 56, 0, 64, 0, 0)


def kpack(*targets: str) -> bytes:
    """An archive of kernels, with its table alone."""
    table = {"format_version": 1, "group_name": "torch", "gfx_arches": list(targets), "toc": {"lib/x.so": {}}}
    return (b"KPAK" + struct.pack("<IQ", 1, 64)).ljust(64, b"\0") + msgspec.msgpack.encode(table)


def kpack_note(*paths: str) -> bytes:
    """What `.rocm_kpack_ref` holds."""
    return msgspec.msgpack.encode({"kernel_name": "torch/lib/libtorch_hip.so", "kpack_search_paths": list(paths)})


@cache
def with_gpu_code(library: bytes, content: bytes, name: str = ".hip_fatbin") -> bytes:
    """The *library* with a section more. Skips the test where there is no objcopy."""
    if shutil.which("objcopy") is None:
        pytest.skip("no objcopy here: install binutils")
    with tempfile.TemporaryDirectory() as scratch:
        before, code, after = (Path(scratch, one) for one in ("before", "code", "after"))
        before.write_bytes(library)
        code.write_bytes(content)
        options = ["--add-section", f"{name}={code}", "--set-section-alignment", f"{name}={PAGE}"]
        subprocess.run(["objcopy", *options, before, after], check=True, capture_output=True)
        return after.read_bytes()
