"""Where the blocks of an .xz file lie: xz and dpkg-deb write one for every 24 MiB, and each can be read by itself.

The format is tukaani.org/xz/xz-file-format.txt, 1.2.1; §4 is the index, behind all blocks.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_HEADER = 12
_FOOTER = 12
_END = b"YZ"
_INDEX_LIMIT = 64 * 1024
"""Bytes. 8,000 blocks of 24 MiB need as much; what lies in memory of an index is some hundred times larger."""
_CONTINUES, _SEVEN_BITS = 0x80, 0x7F
_LONGEST_NUMBER = 9

Read = Callable[[int, int], bytes]
"""So many bytes from an offset on; fewer at the end of the file."""


@dataclass(frozen=True)
class Block:
    """*stored* bytes, filled up to a multiple of four, hold *content* bytes."""

    offset: int
    stored: int
    content: int

    @property
    def size(self) -> int:
        return self.stored + -self.stored % 4


@dataclass(frozen=True)
class XzFile:
    """One stream. `header` is its beginning, and says how blocks are checked."""

    header: bytes
    blocks: tuple[Block, ...]

    def ending(self, block: Block) -> bytes:
        """What stands behind *block* in a file that has it alone."""
        return _ending((block,), self.header)


def read_xz(read: Read, size: int) -> XzFile | None:
    """The blocks of a file of *size* bytes; None where it is no single whole stream.

    What stands behind the blocks is looked at byte by byte, as nobody else will: that a block is what it should
    be, its reader has to find.
    """
    header, footer = read(0, _HEADER), read(max(size - _FOOTER, 0), _FOOTER)
    length = (int.from_bytes(footer[4:8], "little") + 1) * 4
    at = size - _FOOTER - length
    if len(footer) != _FOOTER or at < _HEADER or length > _INDEX_LIMIT:
        return None
    index = read(at, length)
    try:
        blocks = tuple(_blocks(_numbers(index[1:])))
    except ValueError:
        return None
    is_whole = bool(blocks) and blocks[-1].offset + blocks[-1].size == at
    return XzFile(header, blocks) if is_whole and index + footer == _ending(blocks, header) else None


def _blocks(numbers: Iterator[int]) -> Iterator[Block]:
    """As many as the first number says. Raises ValueError for one that no index has."""
    offset = _HEADER
    for _ in range(next(numbers, 0)):
        block = Block(offset, next(numbers, 0), next(numbers, 0))
        if not block.stored:
            raise ValueError("a block of nothing")
        yield block
        offset += block.size


def _numbers(content: bytes) -> Iterator[int]:
    """Seven bits in each byte, the lowest first (§1.2). Raises ValueError for one that does not end."""
    value, shift = 0, 0
    for byte in content:
        value |= (byte & _SEVEN_BITS) << shift
        shift += 7
        if not byte & _CONTINUES:
            yield value
            value, shift = 0, 0
        elif shift >= 7 * _LONGEST_NUMBER:
            raise ValueError("a number that is too long")


def _number(value: int) -> bytes:
    content = bytearray()
    while value > _SEVEN_BITS:
        content.append(value & _SEVEN_BITS | _CONTINUES)
        value >>= 7
    return bytes((*content, value))


def _ending(blocks: Sequence[Block], header: bytes) -> bytes:
    """The index of *blocks*, and the end of the stream that *header* begins."""
    index = b"\0" + _number(len(blocks))
    index += b"".join(_number(one.stored) + _number(one.content) for one in blocks)
    index += bytes(-len(index) % 4)
    index += _checksum(index)
    end = (len(index) // 4 - 1).to_bytes(4, "little") + header[6:8]
    return index + _checksum(end) + end + _END


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little")
