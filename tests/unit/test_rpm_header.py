"""The head of an rpm: its values are read, and what lies in the wrong place is refused."""

from __future__ import annotations

import io
import struct

import pytest

from rocmswitch.metadata.rpmheader import MAGIC, NAME, RpmHeader, read_header
from rocmswitch.metadata.stream import Unreadable

Row = tuple[int, int, int, int]
LEAD = MAGIC + b"\3\0" + bytes(90)
TEXT, TEXTS, NUMBERS, BINARY = 6, 8, 4, 7


def section(
    region: int, *values: tuple[int, int, int, bytes], rows: list[Row] | None = None, extra: bytes = b""
) -> bytes:
    """A header of *values* (tag, type, count, bytes); *rows* takes the place of what follows from them."""
    store, made = b"", []
    for tag, kind, count, content in values:
        store += bytes(-len(store) % 4)
        made.append((tag, kind, len(store), count))
        store += content
    made = made if rows is None else rows
    entries = [(region, BINARY, len(store), 16), *made]
    store += struct.pack(">IIiI", region, BINARY, -16 * len(entries), 16) + extra
    head = b"".join(struct.pack(">IIiI", *row) for row in entries)
    return b"\x8e\xad\xe8\x01\0\0\0\0" + struct.pack(">II", len(entries), len(store)) + head + store


def package(header: bytes, signature: bytes = b"") -> bytes:
    signature = signature or section(62, (1000, NUMBERS, 1, b"\0\0\0\1"))
    return LEAD + signature + bytes(-len(signature) % 8) + header


def read(content: bytes) -> RpmHeader:
    return read_header(io.BytesIO(content))


PLAIN = section(63, (NAME, TEXT, 1, b"demo\0"), (1117, TEXTS, 2, b"a\0b\0"), (5011, NUMBERS, 1, b"\0\0\0\x08"))


def test_values_are_read_by_their_types():
    header = read(package(PLAIN)).header

    assert (header.text(NAME), header.texts(1117), header.numbers(5011)) == ("demo", ("a", "b"), (8,))
    assert (header.texts(9999), header.numbers(9999), header.binary(9999)) == ((), (), b"")


def test_the_signed_bytes_are_those_of_the_file():
    content = package(PLAIN) + b"payload"

    found = read(content)

    assert found.signed == content[found.start : found.payload]
    assert content[found.payload :] == b"payload"


@pytest.mark.parametrize("read_tag", ["numbers", "binary"])
def test_a_value_of_another_type_than_asked_for_is_refused(read_tag: str):
    with pytest.raises(Unreadable, match=f"has a tag {NAME} that is not made of"):
        getattr(read(package(PLAIN)).header, read_tag)(NAME)


def test_a_header_cut_anywhere_is_refused():
    whole = package(PLAIN)
    for length in range(len(whole)):
        with pytest.raises(Unreadable):
            read(whole[:length])


@pytest.mark.parametrize(("kind", "width"), [(TEXTS, 1), (1, 1), (NUMBERS, 4)])
def test_more_values_than_any_package_has_files_are_not_taken_into_memory(kind: int, width: int):
    many = 1_000_001

    with pytest.raises(Unreadable, match=f"tag 1117 with {many} values"):
        read(package(section(63, (1117, kind, many, bytes(width * many)))))


@pytest.mark.parametrize(
    "rows",
    [
        [(NAME, TEXT, 5, 1)],
        [(NAME, TEXT, -1, 1)],
        [(NAME, TEXT, 1 << 30, 1)],
        [(NAME, TEXT, 0, 2)],
        [(NAME, TEXT, 0, 0)],
        [(NAME, 99, 0, 1)],
        [(NAME, 0, 0, 1)],
        [(5, TEXT, 0, 1)],
        [(63, BINARY, 0, 1)],
        [(NAME, NUMBERS, 0, 1 << 31)],
        [(NAME, NUMBERS, 1, 1)],
        [(NAME, BINARY, 0, 1 << 24)],
        [(NAME, TEXTS, 0, 1 << 20)],
        [(NAME, BINARY, 2, 2), (1001, BINARY, 0, 2)],
        [(NAME, BINARY, 0, 2), (1001, BINARY, 1, 2)],
        [(NAME, BINARY, 0, 1), (NAME, BINARY, 1, 1)],
    ],
)
def test_an_entry_that_lies_in_the_wrong_place_is_refused(rows: list[Row]):
    with pytest.raises(Unreadable):
        read(package(section(63, (NAME, BINARY, 4, b"demo"), rows=rows)))


@pytest.mark.parametrize("count", [1, 2])
def test_a_text_that_does_not_end_is_refused(count: int):
    with pytest.raises(Unreadable, match="does not end"):
        read(package(section(63, (NAME, TEXTS, count, b"a\0demo"[-2 * count :]))))


def test_an_entry_behind_the_signed_region_is_refused():
    header = section(63, (NAME, TEXT, 1, b"demo\0"), extra=b"more")

    with pytest.raises(Unreadable, match="only partly signed"):
        read(package(header))


def test_what_a_signer_adds_behind_the_signatures_region_is_accepted():
    signature = section(62, (1000, NUMBERS, 1, b"\0\0\0\1"), extra=b"more")

    assert read(package(PLAIN, signature)).header.text(NAME) == "demo"


@pytest.mark.parametrize("back", [0, 16, -15, -16 * 9, -(1 << 31)])
def test_a_region_that_says_something_else_is_refused(back: int):
    content = bytearray(section(63, (NAME, TEXT, 1, b"demo\0")))
    content[-8:-4] = struct.pack(">i", back)

    with pytest.raises(Unreadable, match=r"region is garbled|only partly signed"):
        read(package(bytes(content)))


def test_a_header_without_a_region_is_refused():
    with pytest.raises(Unreadable, match="without the region"):
        read(package(section(1234, (NAME, TEXT, 1, b"demo\0"))))


@pytest.mark.parametrize(("count", "size"), [(0, 16), (1 << 31, 16), (1, 0), (1, 1 << 31)])
def test_counts_that_no_package_has_take_no_memory(count: int, size: int):
    header = b"\x8e\xad\xe8\x01\0\0\0\0" + struct.pack(">II", count, size)

    with pytest.raises(Unreadable, match="which no package has"):
        read(package(header + bytes(64)))


def test_a_source_package_is_told_apart():
    content = bytearray(package(PLAIN))
    content[7] = 1

    with pytest.raises(Unreadable, match="is a source package"):
        read(bytes(content))
