"""Whatever the index of an .xz says of its blocks, nobody is led by it to other bytes, or to more memory."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from rocmswitch.store.ahead import Ahead, Rest
from rocmswitch.store.compression import Readable, Unfit, decompressed
from tests.support.xzfiles import blocks_of, index_of, number, packed, with_index

pytestmark = pytest.mark.skipif(shutil.which("xz") is None, reason="needs xz (xz-utils), which makes many blocks")

MEBIBYTE = 1024 * 1024
CONTENT = b"".join(f"{number} {number * number}\n".encode() for number in range(3000))
HUGE = (0, 1, 127, 128, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1)


@cache
def small() -> bytes:
    return packed(CONTENT, block=8192)


@cache
def zeros(block: int) -> bytes:
    """144 MiB of them."""
    return packed(bytes(144 * MEBIBYTE), block=block)


def outcome(decompress: Callable[[str, Readable], Iterator[bytes]], content: bytes) -> bytes | None:
    """None where it is refused."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        try:
            return b"".join(decompress(".xz", Rest(file)))
        except Unfit:
            return None


def side_by_side(content: bytes) -> bytes | None:
    ahead = Ahead(3, lambda: False)
    try:
        with ahead.processors.busy():
            return outcome(ahead.decompressed, content)
    finally:
        ahead.close()


def judged_alike(content: bytes) -> bool:
    return side_by_side(content) == outcome(decompressed, content)


def test_every_byte_of_the_index_and_the_end_counts_as_it_does_in_order() -> None:
    content = small()
    last = blocks_of(content)[-1]
    places = range(last.offset + last.size, len(content))
    flipped = [content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :] for at in places]

    assert [one for one, other in zip(places, flipped, strict=True) if not judged_alike(other)] == []


@pytest.mark.parametrize("more", [number(1), number(7) * 5, b"\0" * 4, b"\0" * 64], ids=repr)
def test_an_index_with_more_in_it_than_its_blocks_is_refused(more: bytes) -> None:
    content = small()

    assert side_by_side(with_index(content, index_of(blocks_of(content)) + more)) is None


def test_a_number_that_is_written_longer_than_it_is_is_refused() -> None:
    content = small()
    index = index_of(blocks_of(content))
    longer = index[:1] + bytes([index[1] | 128, 0]) + index[2:]

    assert side_by_side(with_index(content, longer)) is None


@settings(deadline=None, max_examples=60)
@given(some.data())
def test_a_forged_index_leads_to_the_same_as_in_order(data: some.DataObject) -> None:
    content = small()
    blocks = list(blocks_of(content))
    sizes = some.sampled_from(HUGE) | some.integers(0, 20_000)
    for _ in range(data.draw(some.integers(1, 3))):
        at = data.draw(some.integers(0, len(blocks) - 1))
        what = data.draw(some.sampled_from(["stored", "content", "twice", "away", "swap"]))
        if what in ("stored", "content"):
            blocks[at] = replace(blocks[at], **{what: data.draw(sizes)})
        elif what == "twice":
            blocks.insert(at, blocks[at])
        elif what == "swap":
            blocks[at], blocks[0] = blocks[0], blocks[at]
        elif len(blocks) > 1:
            del blocks[at]

    assert judged_alike(with_index(content, index_of(blocks)))


@pytest.mark.parametrize("count", [0, 1, 10**9, 2**63 - 1])
def test_the_number_of_blocks_alone_leads_nowhere(count: int) -> None:
    content = small()
    index = b"\0" + number(count) + index_of(blocks_of(content))[2:]

    assert judged_alike(with_index(content, index))


@pytest.mark.parametrize("stated", [1, 1000, MEBIBYTE])
def test_a_block_that_holds_more_than_the_index_says_is_refused_before_it_fills_the_memory(stated: int) -> None:
    content = zeros(48 * MEBIBYTE)
    lying = with_index(content, index_of([replace(one, content=stated) for one in blocks_of(content)]))

    assert peak_of(lying) < 24 * MEBIBYTE


@pytest.mark.parametrize("block", [24, 36], ids="{} MiB".format)
def test_as_much_waits_in_memory_whatever_number_of_processors_and_archives_there_is(block: int) -> None:
    content = zeros(block * MEBIBYTE)

    assert peak_of(content, processors=16, archives=3) < 80 * MEBIBYTE


def peak_of(content: bytes, processors: int = 3, archives: int = 1) -> int:
    """Bytes of Python's objects while it is read; of a decompressor's own memory nothing is known."""
    ahead = Ahead(processors, lambda: False)

    def read(_: int) -> None:
        with tempfile.TemporaryFile() as file, ahead.processors.busy(), contextlib.suppress(Unfit):
            file.write(content)
            file.seek(0)
            for _ in ahead.decompressed(".xz", Rest(file)):
                pass

    tracemalloc.start()
    try:
        with ThreadPoolExecutor(archives) as threads:
            list(threads.map(read, range(archives)))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        ahead.close()
