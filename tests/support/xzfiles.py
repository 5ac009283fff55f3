""".xz files of many blocks, and indexes of them that say something else.

content = packed(b"text" * 10_000, block=4096)
lying = with_index(content, index_of([replace(one, content=1) for one in blocks_of(content)]))
"""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Sequence

from rocmswitch.metadata.xzindex import Block, read_xz


def packed(content: bytes, block: int, check: str = "crc64", level: int = 0) -> bytes:
    """By xz itself: *block* is how many bytes of *content* each block holds."""
    # One thread: its blocks' own headers do not say how much is in them.
    command = ["xz", "-T1", f"-{level}", "-c", f"--check={check}", f"--block-size={block}"]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


def blocks_of(content: bytes) -> tuple[Block, ...]:
    found = read_xz(lambda offset, count: content[offset : offset + count], len(content))
    assert found is not None
    return found.blocks


def index_of(blocks: Sequence[Block]) -> bytes:
    """The index of *blocks* without its filling and its sum."""
    return b"\0" + number(len(blocks)) + b"".join(number(one.stored) + number(one.content) for one in blocks)


def with_index(content: bytes, index: bytes) -> bytes:
    """*content* with *index* in the place of its own, filled up, and with every sum right."""
    last = blocks_of(content)[-1]
    index += bytes(-len(index) % 4)
    index += checksum(index)
    end = (len(index) // 4 - 1).to_bytes(4, "little") + content[6:8]
    return content[: last.offset + last.size] + index + checksum(end) + end + b"YZ"


def number(value: int) -> bytes:
    """As the format writes numbers: seven bits in each byte, the lowest first."""
    rest, bits = divmod(value, 128)
    return bytes([bits]) if not rest else bytes([bits | 128]) + number(rest)


def checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little")
