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

from rocmswitch.model.gpucode import GENERIC

MAGIC = b"KPAK"
_HEADER = struct.Struct("<4sIQ")
_TABLE_LIMIT = 1 << 26
"""Bytes. Each piece of code has an entry of some hundred."""
_LIST_LIMIT = 1 << 12
_NAMED = re.compile(r"gfx[0-9a-f]+")
_FAMILY = re.compile(r"(gfx[0-9a-f]+)X")


class _Table(msgspec.Struct):
    """All else in it is passed over, however much there is."""

    gfx_arches: msgspec.Raw


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
        listed = msgspec.msgpack.Decoder(_Table).decode(file.read(end - table)).gfx_arches
        found = msgspec.msgpack.Decoder(list[str]).decode(listed) if len(listed) <= _LIST_LIMIT else []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return tuple(one for one in found if _NAMED.match(one))


def targets_of_name(name: str) -> tuple[str, ...]:
    """The cards in a file's name: of `torch_gfx1010.kpack` one, of `torch_gfx101X.kpack` all of that family."""
    family = _FAMILY.search(name)
    if family:
        return tuple(card for cards in GENERIC.values() for card in cards if card.startswith(family[1]))
    return tuple(_NAMED.findall(name))[-1:]
