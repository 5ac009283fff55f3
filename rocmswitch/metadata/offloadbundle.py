"""The GPU code in a file: which targets it is for, told from tables of contents alone; nothing is run or unpacked.

A HIP library keeps it in its section `.hip_fatbin`: a bundle for each source file, one after the other (Clang
Offload Bundler, "Bundled Binary File Layout" and "Compressed Offload Bundle"). Files of kernels are bundles
without a library around them, or ELF files for the GPU itself. A library whose code lies in archives beside it says
so in `.rocm_kpack_ref`.
"""

from __future__ import annotations

import contextlib
import io
import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import msgspec
from elftools.elf.elffile import ELFFile

from rocmswitch.metadata.codeobject import is_code_object, processor_of
from rocmswitch.metadata.elf import MAGIC as ELF
from rocmswitch.metadata.elf import nonsense_ends
from rocmswitch.metadata.elfsections import find_section
from rocmswitch.model.gpucode import GpuCode

PLAIN, PACKED = b"__CLANG_OFFLOAD_BUNDLE__", b"CCOB"

_ALIGNMENT = 4096
"""Of bundles in a section (clang, CGCUDANV.cpp)."""
_BUNDLES = 20_000
"""That are looked at. torch has some thousand."""
_GAPS = 1 << 16
"""Pages without a bundle that are passed over in all: 256 MiB of code whose length nothing states."""
_ENTRIES = 1024
_TABLE, _LARGEST_TABLE = 4096, 1 << 16
"""Bytes of a table of contents that are read first, and at most."""
_INPUT = 1 << 18
"""Packed bytes in which a table has to be found: a block of zstd holds 128 KiB, and the table comes first."""
_WINDOW = 1 << 27
_ID = re.compile(
    rb"hip(?:v4)?-(?:amdgcn|spirv64)-amd-amdhsa-(?:[a-z]*-)?"
    rb"((?:gfx[0-9a-f]+(?:-[0-9]+)*(?:-generic)?|amdgcnspirv)(?::[a-z]+[+-])*)"
)
_HEADERS = {1: struct.Struct("<4sHHIQ"), 2: struct.Struct("<4sHHIIQ"), 3: struct.Struct("<4sHHQQQ")}
"""Magic, version, method, then the bundle's own length from version 2 on, its length unpacked, and a hash."""
_ZLIB, _ZSTD = 0, 1
_PACK_NOTE = 1 << 16


class _Nonsense(Exception):
    """In a few words, what could not be read."""


@dataclass(frozen=True)
class _Bundle:
    """Its `length` is 0 where nothing states it. `sizes` are bytes of code as they are when it is unpacked."""

    sizes: tuple[tuple[str, int], ...]
    length: int

    @property
    def targets(self) -> frozenset[str]:
        return frozenset(target for target, _ in self.sizes)


def parse_gpu_code(file: BinaryIO) -> GpuCode:
    """The GPU code of a library, a bundle or a code object; none of either where it has none. Raises OSError.

    What cannot be read is said in `unread`; what was read before counts.
    """
    file.seek(0)
    start = file.read(len(PLAIN))
    if start.startswith((PLAIN, PACKED)):
        return _bundled(file, 0, file.seek(0, io.SEEK_END))
    if not start.startswith(ELF):
        return GpuCode()
    with nonsense_ends():
        elf = ELFFile(file)
        if is_code_object(elf):
            name = processor_of(elf)
            return GpuCode(1, ((name, 1),)) if name else GpuCode(1, unread="it is for a GPU that has no name here")
        return _of_library(file, elf)
    return GpuCode(unread="its headers hold nonsense")


def parse_gpu_bytes(file: BinaryIO) -> dict[str, int]:
    """By target, the bytes that its code takes in a library or a bundle. Raises OSError.

    Those of a packed bundle are shared out by what its parts unpack to. What cannot be read does not count.
    """
    found = Counter[str]()
    start, end = _place_of_code(file)
    with contextlib.suppress(_Nonsense):
        for one, length in _bundles(file, start, end):
            whole = sum(size for _, size in one.sizes)
            for target, size in one.sizes:
                found[target] += size if whole <= length else length * size // whole
    return dict(found)


def _place_of_code(file: BinaryIO) -> tuple[int, int]:
    """Where the bundles of a file begin and end; zeros where it has none."""
    end, _ = file.seek(0, io.SEEK_END), file.seek(0)
    start = file.read(len(PLAIN))
    if start.startswith((PLAIN, PACKED)):
        return 0, end
    place = (0, 0)
    if start.startswith(ELF):
        with nonsense_ends():
            offset, size = find_section(ELFFile(file), b".hip_fatbin")
            place = (offset, min(offset + size, end))
    return place


def targets_in(head: bytes, size: int) -> tuple[str, ...]:
    """The targets of a file of *size* bytes that is one bundle and nothing else, from its first bytes.

    Empty where it is no such file, or where *head* does not tell: that of a packed one lies in its first block.
    """
    try:
        if head.startswith(PLAIN):
            found = _table(head[:_LARGEST_TABLE])
            length = max((offset + count for offset, count, _ in found or ()), default=0)
            # Some writers fill the last page.
            return (
                tuple(sorted(target for target, _ in _sizes(found)))
                if found and size - _ALIGNMENT < length <= size
                else ()
            )
        if head.startswith(PACKED):
            one = _packed(io.BytesIO(head), 0, size)
            return tuple(sorted(one.targets)) if one.length == size else ()
    except _Nonsense:
        pass
    return ()


def _of_library(file: BinaryIO, elf: ELFFile) -> GpuCode:
    offset, size = find_section(elf, b".rocm_kpack_ref")
    if size:
        file.seek(offset)
        return _referred(file.read(min(size, _PACK_NOTE)))
    offset, size = find_section(elf, b".hip_fatbin")
    return _bundled(file, offset, offset + size) if size else GpuCode()


class _Reference(msgspec.Struct):
    """What `.rocm_kpack_ref` says, in MessagePack (TheRock, rocm-kpack)."""

    kpack_search_paths: list[str]


def _referred(note: bytes) -> GpuCode:
    try:
        # The section is as long as a page, the note in it is not.
        found = msgspec.msgpack.Decoder(_Reference).decode(note.rstrip(b"\0"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return GpuCode(unread="what it says of its archives of kernels is garbled")
    return GpuCode(packs=tuple(found.kpack_search_paths))


def _bundled(file: BinaryIO, start: int, end: int) -> GpuCode:
    """All bundles between the two offsets."""
    count, found, unread = 0, Counter[str](), ""
    try:
        for one, _ in _bundles(file, start, end):
            found.update(one.targets)
            count += 1
    except _Nonsense as nonsense:
        unread = str(nonsense)
    return GpuCode(count, tuple(sorted(found.items())), unread=unread)


def _bundles(file: BinaryIO, start: int, end: int) -> Iterator[tuple[_Bundle, int]]:
    """Each with the bytes that it takes in the file, its filling included."""
    place, gaps, count = start, 0, 0
    while place < end and gaps < _GAPS:
        file.seek(place)
        head = file.read(len(PLAIN))
        if not head.startswith((PLAIN, PACKED)):
            place, gaps = _following(place, start), gaps + 1
            continue
        if count == _BUNDLES:
            raise _Nonsense("it has more bundles than any real file")
        one = _plain(file, place, end) if head.startswith(PLAIN) else _packed(file, place, end)
        following = min(_after(file, place + max(one.length, 1), start, end), end)
        yield one, following - place
        place, count = following, count + 1


def _after(file: BinaryIO, place: int, start: int, end: int) -> int:
    """Where the next bundle may be: right there, or where the next page begins."""
    file.seek(place)
    is_there = place < end and file.read(len(PLAIN)).startswith((PLAIN, PACKED))
    return place if is_there else _following(place - 1, start)


def _following(place: int, start: int) -> int:
    return start + ((place - start) // _ALIGNMENT + 1) * _ALIGNMENT


def _plain(file: BinaryIO, place: int, end: int) -> _Bundle:
    for limit in (_TABLE, _LARGEST_TABLE):
        file.seek(place)
        found = _table(file.read(min(limit, end - place)))
        if found is not None:
            length = max((offset + size for offset, size, _ in found), default=0)
            if length > end - place:
                raise _Nonsense("it is cut short")
            return _Bundle(_sizes(found), length)
    raise _Nonsense("the table of a bundle is garbled or cut short")


def _packed(file: BinaryIO, place: int, end: int) -> _Bundle:
    file.seek(place)
    head = file.read(_HEADERS[3].size)
    version = struct.unpack_from("<H", head, 4)[0] if len(head) >= 8 else 0
    layout = _HEADERS.get(version, _HEADERS[1])
    if len(head) < layout.size:
        raise _Nonsense("it is cut short")
    if version not in _HEADERS:
        raise _Nonsense(f"a packed bundle has version {version}")
    _, _, method, *sizes = layout.unpack_from(head)
    length = sizes[0] if version > 1 else 0
    if length > end - place or (version > 1 and length < layout.size):
        raise _Nonsense("it is cut short")
    file.seek(place + layout.size)
    content = file.read(min(_INPUT, (length or end - place) - layout.size))
    for limit in (_TABLE, _LARGEST_TABLE):
        found = _table(_unpacked(content, method, limit))
        if found is not None:
            return _Bundle(_sizes(found), length)
    raise _Nonsense("the table of a packed bundle is garbled or cut short")


def _unpacked(content: bytes, method: int, limit: int) -> bytes:
    """The first *limit* bytes of what is packed in *content*, or less: never more than that is made of it."""
    import zstandard

    if method == _ZLIB:
        try:
            return zlib.decompressobj().decompress(content, limit)
        except zlib.error as error:
            raise _Nonsense("a packed bundle is garbled") from error
    if method != _ZSTD:
        raise _Nonsense(f"a bundle is packed in way {method}")
    try:
        return zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(content).read(limit)
    except zstandard.ZstdError as error:
        raise _Nonsense("a packed bundle is garbled") from error


def _table(head: bytes) -> list[tuple[int, int, bytes]] | None:
    """Offset, size and name of each entry of the bundle that begins with *head*; None where it ends before them."""
    if not head.startswith(PLAIN):
        raise _Nonsense("a packed bundle holds none")
    if len(head) < len(PLAIN) + 8:
        return None
    (count,) = struct.unpack_from("<Q", head, len(PLAIN))
    if count > _ENTRIES:
        raise _Nonsense(f"a bundle claims to have {count} entries")
    place, found = len(PLAIN) + 8, []
    for _ in range(count):
        if place + 24 > len(head):
            return None
        offset, size, length = struct.unpack_from("<3Q", head, place)
        place += 24 + length
        if place > len(head):
            return None
        found.append((offset, size, head[place - length : place]))
    return found


def _sizes(entries: list[tuple[int, int, bytes]]) -> tuple[tuple[str, int], ...]:
    """Without the host's own entry, which is empty."""
    matches = ((_ID.fullmatch(name), size) for _, size, name in entries)
    return tuple((one[1].decode(), size) for one, size in matches if one)
