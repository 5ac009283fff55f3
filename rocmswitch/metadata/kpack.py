"""Archives of GPU code that lie beside the libraries of AMD's newer builds: `.kpack/torch_gfx1010.kpack`.

The magic, a version and the offset of a table in MessagePack, which names the targets (TheRock, rocm-kpack). The
code itself is never read.
"""

from __future__ import annotations

import io
import re
import struct
from typing import BinaryIO

import msgspec

MAGIC = b"KPAK"
_HEADER = struct.Struct("<4sIQ")
_TABLE_LIMIT = 1 << 26
"""Bytes. Each piece of code has an entry of some forty."""
_NAMED = re.compile(r"gfx[0-9a-f]+")


class _Table(msgspec.Struct):
    gfx_arches: list[str]


def parse_kpack(file: BinaryIO) -> tuple[str, ...]:
    """The targets that the archive *file* has code for; none where it is no such archive, or garbled."""
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        return ()
    magic, _, table = _HEADER.unpack(head)
    if magic != MAGIC or not _HEADER.size <= table < end or end - table > _TABLE_LIMIT:
        return ()
    file.seek(table)
    try:
        found = msgspec.msgpack.Decoder(_Table).decode(file.read(end - table))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return tuple(one for one in found.gfx_arches if _NAMED.match(one))


def target_of_name(name: str) -> str:
    """The card in the name of an archive that could not be read: `torch_gfx1010.kpack`; empty where it has none."""
    found = _NAMED.findall(name)
    return found[-1] if found else ""
