"""However an .xz is cut into blocks, and whatever happens to it: side by side it is read as it is in order."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from rocmswitch.metadata.xzindex import read_xz
from rocmswitch.store.ahead import Ahead, Rest
from rocmswitch.store.compression import Readable, Unfit, decompressed

pytestmark = pytest.mark.skipif(shutil.which("xz") is None, reason="needs xz (xz-utils), which makes many blocks")

CONTENT = b"".join(f"{number} {number * number}\n".encode() for number in range(40_000))


@cache
def packed(block: int, check: str = "crc64", level: int = 0) -> bytes:
    command = ["xz", f"-{level}", "-c", f"--check={check}", f"--block-size={block}"]
    return subprocess.run(command, input=CONTENT, capture_output=True, check=True).stdout


def read(decompress: Callable[[str, Readable], Iterator[bytes]], content: bytes) -> bytes | None:
    """None where it is refused."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        try:
            return b"".join(decompress(".xz", Rest(file))) + rest_of(file)
        except Unfit:
            return None


def rest_of(file: BinaryIO) -> bytes:
    return file.read()


def side_by_side(content: bytes, processors: int = 3) -> bytes | None:
    ahead = Ahead(processors, lambda: False)
    try:
        with ahead.processors.busy():
            found = read(ahead.decompressed, content)
        assert ahead.processors.take(processors) and ahead.room.take(72 * 1024 * 1024), "not all was given back"
        return found
    finally:
        ahead.close()


@pytest.mark.parametrize("check", ["none", "crc32", "crc64", "sha256"])
@pytest.mark.parametrize("block", [1, 7, 100_000, 10**9])
def test_blocks_of_all_sizes_and_checks_are_read_side_by_side(block: int, check: str) -> None:
    content = packed(max(block, 4096), check)

    assert side_by_side(content) == CONTENT


@pytest.mark.parametrize("processors", [0, 1, 2, 8])
def test_whoever_has_no_processor_to_spare_reads_the_same(processors: int) -> None:
    ahead = Ahead(processors, lambda: False)
    with ahead.processors.busy():
        assert read(ahead.decompressed, packed(50_000)) == CONTENT
    ahead.close()


def test_the_index_says_where_each_block_lies() -> None:
    content = packed(100_000)

    found = read_xz(lambda offset, count: content[offset : offset + count], len(content))

    assert found is not None
    assert [one.content for one in found.blocks] == [100_000] * (len(CONTENT) // 100_000) + [len(CONTENT) % 100_000]
    assert found.blocks[0].offset == 12


@settings(deadline=None, max_examples=150)
@given(some.integers(0), some.integers(1, 255), some.sampled_from([5000, 50_000, 200_000]))
def test_one_damaged_byte_is_found_in_both_ways(place: int, change: int, block: int) -> None:
    content = bytearray(packed(block))
    content[place % len(content)] ^= change

    assert side_by_side(bytes(content)) == read(decompressed, bytes(content))


@settings(deadline=None, max_examples=60)
@given(some.integers(0), some.booleans())
def test_what_was_cut_or_has_more_behind_it_is_judged_in_both_ways_alike(place: int, is_cut: bool) -> None:
    whole = packed(50_000)
    content = whole[: place % len(whole)] if is_cut else whole + whole[: place % len(whole)]

    assert side_by_side(content) == read(decompressed, content)


def test_what_lies_in_memory_alone_is_read_in_order() -> None:
    ahead = Ahead(2, lambda: False)

    assert b"".join(ahead.decompressed(".xz", io.BytesIO(packed(50_000)))) == CONTENT
    ahead.close()
