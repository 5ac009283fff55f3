"""Any boot image is read as it was written; whatever becomes of its bytes, it is read or refused in words."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some

from rocmswitch.metadata.bootimage import read_image
from rocmswitch.metadata.stream import Stream, Unreadable
from rocmswitch.metadata.unpacking import unpacked
from tests.support.bootimages import COMPRESSIONS, archive, compressed

NAMES = some.text("abc.-_", min_size=1, max_size=5).filter(lambda name: name not in (".", ".."))
PATHS = some.lists(NAMES, min_size=1, max_size=3).map(lambda names: "x" + "/".join(names))
FILES = some.dictionaries(PATHS, some.binary(max_size=300), max_size=6)
HOW = some.sampled_from(["", *COMPRESSIONS])
GAPS = some.integers(0, 3).map(lambda count: b"\0" * 512 * count)


Parts = list[tuple[dict[str, bytes], str, bytes]]


def image_of(parts: Parts) -> bytes:
    return b"".join((compressed(archive(files), how) if how else archive(files)) + gap for files, how, gap in parts)


IMAGES = some.lists(some.tuples(FILES, HOW, GAPS), min_size=1, max_size=3)


def read(content: bytes) -> dict[str, bytes]:
    return dict(read_image(iter([content]), lambda _: True))


@settings(deadline=None)
@given(IMAGES)
def test_any_image_holds_what_was_written_the_last_one_of_each_name(
    parts: Parts,
):
    expected: dict[str, bytes] = {}
    for files, _, _ in parts:
        expected.update(files)

    assert read(image_of(parts)) == expected


@settings(deadline=None)
@given(IMAGES, some.data())
def test_a_changed_image_is_read_or_refused(parts: Parts, data: some.DataObject):
    content = bytearray(image_of(parts))
    for _ in range(data.draw(some.integers(1, 4))):
        content[data.draw(some.integers(0, len(content) - 1))] = data.draw(some.integers(0, 255))

    assert is_read_or_refused(bytes(content))


@settings(deadline=None)
@given(IMAGES, some.data())
def test_a_cut_image_is_refused_unless_a_whole_archive_is_left(parts: Parts, data: some.DataObject):
    content = image_of(parts)
    kept = data.draw(some.integers(0, len(content)))
    whole = [read(image_of(parts[:count])) for count in range(1, len(parts) + 1)]

    try:
        found = read(content[:kept])
    except Unreadable:
        return
    assert found in whole


@settings(deadline=None)
@given(some.binary(max_size=400), some.sampled_from([b"", b"070701", b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"BZh9"]))
def test_any_bytes_are_read_or_refused(content: bytes, start: bytes):
    assert is_read_or_refused(start + content)


@settings(deadline=None)
@given(some.binary(max_size=2000), some.sampled_from(COMPRESSIONS), some.lists(some.integers(1, 90)))
def test_a_stream_gives_the_same_bytes_however_they_arrive(content: bytes, how: str, sizes: list[int]):
    packed = compressed(content, how)
    pieces, at = [], 0
    for size in sizes:
        pieces.append(packed[at : at + size])
        at += size
    pieces.append(packed[at:])
    stream = Stream(iter([one for one in pieces if one]))

    assert stream.peek(3) == packed[:3]
    assert b"".join(iter(lambda: stream.some(7), b"")) == packed
    assert unpacked(packed, 10_000) == content


def is_read_or_refused(content: bytes) -> bool:
    try:
        read(content)
    except Unreadable as error:
        return str(error) != ""
    return True
