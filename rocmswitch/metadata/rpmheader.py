"""The head of an .rpm: its lead, its signature header and its header, down to where the payload begins.

The layout is that of rpm's docs/manual/format.md: a header is a list of entries (tag, type, offset, count) before
a store of values. Nothing is believed before it is checked: every entry lies in the store, behind the one before
it, as rpm itself demands; and the region that is signed covers the whole header, so that whoever reads it and
whoever verifies its signature see the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from rocmswitch.metadata.stream import Unreadable

MAGIC = b"\xed\xab\xee\xdb"

NAME, VERSION, RELEASE, EPOCH, ARCHITECTURE = 1000, 1001, 1002, 1003, 1022
SOURCE_PACKAGE = 1044
"""What a package was built from; a source package alone does not have it."""
FILE_SIZES, FILE_MODES, FILE_TIMES, FILE_DIGESTS, FILE_LINKS, FILE_FLAGS = 1028, 1030, 1034, 1035, 1036, 1037
FILE_DEVICES, FILE_INODES = 1095, 1096
FOLDER_INDEXES, BASE_NAMES, FOLDERS = 1116, 1117, 1118
LONG_FILE_SIZES, FILE_CAPABILITIES, FILE_DIGEST_ALGORITHM = 5008, 5010, 5011
PAYLOAD_DIGESTS, PAYLOAD_DIGEST_ALGORITHM = 5092, 5093
RSA_OF_HEADER, DSA_OF_HEADER, OPENPGP, SHA256_OF_HEADER = 268, 267, 278, 273
"""In the signature header. OPENPGP is a list, in Base64, of rpm 6."""

HASHES = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}
"""By OpenPGP's numbers, RFC 4880, 9.4."""

_LEAD = 96
_MAGIC = b"\x8e\xad\xe8\x01\0\0\0\0"
_ENTRY = struct.Struct(">IIiI")
_SIGNATURE_REGION, _HEADER_REGION = 62, 63
_MOST_ENTRIES = 65_535
"""What rpm allows. Real headers have fewer than 200."""
_LIMIT = 64 * 1024 * 1024
"""Bytes of a store. A package of 100,000 files takes 12 MiB, and as much where each file is signed."""
_MOST_VALUES = 1_000_000
"""Of one tag: there is one for each file. Sixty-four million empty texts, as many as bytes, take 1.1 GB."""
_BINARY, _TEXT, _TEXTS, _TRANSLATED = 7, 6, 8, 9
_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, _BINARY: 1}
"""By type: characters, integers of 8, 16, 32 and 64 bits, bytes. Each stands at a multiple of its own width."""
_LETTERS = {1: "B", 2: "B", 3: "H", 4: "I", 5: "Q"}


@dataclass(frozen=True)
class Entry:
    """Where a tag's values are in the store."""

    type: int
    offset: int
    count: int
    end: int


@dataclass(frozen=True)
class Section:
    """One header. Values are taken from its store when they are asked for; asking raises Unreadable where the tag
    is of another type.
    """

    content: bytes
    """From the count of entries to the last byte of the store: what a signature of it covers, behind `MAGIC`."""
    store: int
    """Where the store begins in `content`."""
    entries: Mapping[int, Entry]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """None of them where the tag is not there."""
        entry = self.entries.get(tag)
        if entry is None:
            return ()
        letter = _LETTERS.get(entry.type)
        if letter is None:
            raise Unreadable(f"has a tag {tag} that is not made of numbers")
        return struct.unpack_from(f">{entry.count}{letter}", self.content, self.store + entry.offset)

    def texts(self, tag: int) -> tuple[str, ...]:
        """None of them where the tag is not there. Bytes that are not UTF-8 become surrogates."""
        entry = self.entries.get(tag)
        if entry is None:
            return ()
        if entry.type not in (_TEXT, _TEXTS, _TRANSLATED):
            raise Unreadable(f"has a tag {tag} that is not made of text")
        found = self._bytes(entry)[:-1].split(b"\0")
        return tuple(one.decode("utf-8", "surrogateescape") for one in found)

    def text(self, tag: int) -> str:
        """The first of them; empty where the tag is not there."""
        return next(iter(self.texts(tag)), "")

    def binary(self, tag: int) -> bytes:
        """Empty where the tag is not there."""
        entry = self.entries.get(tag)
        if entry is None:
            return b""
        if entry.type != _BINARY:
            raise Unreadable(f"has a tag {tag} that is not made of bytes")
        return self._bytes(entry)

    def _bytes(self, entry: Entry) -> bytes:
        return self.content[self.store + entry.offset : self.store + entry.end]


@dataclass(frozen=True)
class RpmHeader:
    """The head of one package."""

    signature: Section
    header: Section
    start: int
    """Where the header begins in the file."""
    payload: int
    """Where the payload begins: all bytes from `start` to here are what RSA_OF_HEADER, DSA_OF_HEADER, OPENPGP and
    SHA256_OF_HEADER are about."""

    @property
    def signed(self) -> bytes:
        """The bytes that the signatures of the header cover."""
        return _MAGIC + self.header.content

    @property
    def payload_digest(self) -> tuple[str, str]:
        """The hash of the compressed payload: its algorithm and hex digits, both empty where it is not stated."""
        numbers, digests = self.header.numbers(PAYLOAD_DIGEST_ALGORITHM), self.header.texts(PAYLOAD_DIGESTS)
        algorithm = HASHES.get(numbers[0] if numbers else 8, "")
        return (algorithm, digests[0]) if digests and algorithm else ("", "")


def read_header(file: BinaryIO) -> RpmHeader:
    """The head of the package in *file*, which stands at its start, and at the payload afterwards.

    Memory is bounded. Raises Unreadable.
    """
    lead = file.read(_LEAD)
    if len(lead) < _LEAD or not lead.startswith(MAGIC):
        raise Unreadable("is no rpm package")
    major, kind = lead[4], int.from_bytes(lead[6:8], "big")
    if not 3 <= major <= 4 or kind != 0:
        raise Unreadable(
            "is a source package" if kind == 1 else "is an rpm package of a kind that is not understood"
        )
    signature = _read_section(file, _SIGNATURE_REGION, exact=False)
    filling = -len(signature.content) % 8
    if len(file.read(filling)) < filling:
        raise Unreadable("ends too early")
    start = _LEAD + len(_MAGIC) + len(signature.content) + filling
    header = _read_section(file, _HEADER_REGION, exact=True)
    return RpmHeader(signature, header, start, start + len(_MAGIC) + len(header.content))


def _read_section(file: BinaryIO, region: int, *, exact: bool) -> Section:
    start = file.read(16)
    if len(start) < 16 or not start.startswith(_MAGIC):
        raise Unreadable("has no header where one should be")
    count, size = struct.unpack(">II", start[8:])
    if not 0 < count <= _MOST_ENTRIES or not 0 < size <= _LIMIT:
        raise Unreadable(f"has a header of {count} entries and {size} bytes, which no package has")
    store = 8 + count * _ENTRY.size
    body = file.read(store - 8 + size)
    if len(body) < store - 8 + size:
        raise Unreadable("ends too early")
    content = start[8:] + body
    rows = [_ENTRY.unpack_from(content, 8 + number * _ENTRY.size) for number in range(count)]
    _check_region(content, rows, store, region, exact=exact)
    end = rows[0][2] if exact else size
    return Section(content, store, dict(_checked(content[: store + end], rows[1:], store)))


def _check_region(
    content: bytes, rows: list[tuple[int, int, int, int]], store: int, region: int, *, exact: bool
) -> None:
    """The first entry is the region: 16 bytes at its end say, once more, how many entries it has.

    Raises Unreadable where it is not there or, if it has to be *exact*, does not cover the whole header.
    """
    tag, kind, offset, count = rows[0]
    end = len(content) - store
    if (tag, kind, count) != (region, _BINARY, _ENTRY.size) or not 0 <= offset <= end - _ENTRY.size:
        raise Unreadable("has a header without the region that is signed")
    tag, kind, back, count = _ENTRY.unpack_from(content, store + offset)
    # rpm of 2002 wrote the other header's tag at the end of a signature's region, and rpm accepts it to this day.
    wrong = tag not in (region, _HEADER_REGION) or (kind, count) != (_BINARY, _ENTRY.size)
    entries = -back // _ENTRY.size
    if wrong or back % _ENTRY.size or not 0 < entries <= len(rows):
        raise Unreadable("has a header whose region is garbled")
    if exact and (entries != len(rows) or offset + _ENTRY.size != end):
        raise Unreadable("has a header that is only partly signed")


def _checked(content: bytes, rows: list[tuple[int, int, int, int]], store: int) -> Iterator[tuple[int, Entry]]:
    """Each entry, once it is known to lie in the store, behind the one before it. Raises Unreadable."""
    seen, before, size = set[int](), 0, len(content) - store
    for tag, kind, offset, count in rows:
        width = _WIDTHS.get(kind, 1 if kind in (_TEXT, _TEXTS, _TRANSLATED) else 0)
        if not width or tag < 100 or tag in seen:
            raise Unreadable(f"has an entry of tag {tag} and type {kind}, which cannot stand there")
        if offset % width or not before <= offset < size or not 0 < count <= size:
            raise Unreadable(f"has an entry of tag {tag} that lies outside its header")
        if count > _MOST_VALUES and kind != _BINARY:
            raise Unreadable(f"has an entry of tag {tag} with {count} values, which no package has")
        end = offset + count * width
        if kind in (_TEXT, _TEXTS, _TRANSLATED):
            end = _end_of_texts(content, store + offset, 1 if kind == _TEXT else count) - store
        if end > size or (kind == _TEXT and count != 1):
            raise Unreadable(f"has an entry of tag {tag} that lies outside its header")
        seen.add(tag)
        before = end
        yield tag, Entry(kind, offset, count, end)


def _end_of_texts(content: bytes, at: int, count: int) -> int:
    """Behind the last of *count* texts, each of which a zero byte ends."""
    for _ in range(count):
        at = content.find(b"\0", at) + 1
        if not at:
            raise Unreadable("has a text that does not end")
    return at
