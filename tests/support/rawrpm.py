"""Packages of rpm that no honest tool makes: written byte by byte, header and archive apart.

raw_rpm(path, RawFile("/opt/a", b"content"))                         # a whole one
raw_rpm(path, RawFile("/opt/a", b"content"), archive=newc())         # a header that says more than there is
"""

from __future__ import annotations

import hashlib
import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LEAD = b"\xed\xab\xee\xdb\3\0" + bytes(72) + b"\0\5" + bytes(16)
_NUMBER, _NUMBER16, _BINARY, _TEXT, _TEXTS = 4, 3, 7, 6, 8
_WIDTHS = {_NUMBER: 4, _NUMBER16: 2}
REGULAR, FOLDER, LINK = stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK


@dataclass(frozen=True)
class RawFile:
    """One file as the header has it. Of a symlink `content` is where it leads; one `inode` is one file."""

    path: str
    content: bytes = b""
    kind: int = REGULAR
    mode: int = 0o644
    inode: int = 0
    flags: int = 0
    size: int = -1
    """What the header says; -1 for the truth."""
    digest: str = ""
    """What the header says; empty for the truth."""

    @property
    def stated_size(self) -> int:
        return len(self.content) if self.size < 0 else self.size

    @property
    def stated_digest(self) -> str:
        if self.digest or self.kind != REGULAR:
            return self.digest
        return hashlib.sha256(self.content).hexdigest()


def raw_rpm(path: Path, *files: RawFile, archive: bytes | None = None) -> Path:
    """A package at *path* with *files* in its header, and what is in *archive*, or *files*, uncompressed."""
    signature = _section(62, [(1000, _NUMBER, 1, b"\0\0\0\1")])
    filling = bytes(-len(signature) % 8)
    payload = newc(*files) if archive is None else archive
    path.write_bytes(_LEAD + signature + filling + _section(63, _tags(files)) + payload)
    return path


def newc(*files: RawFile) -> bytes:
    """The archive of the common format; of several names of one file the last has its content."""
    parts = [
        member(
            f".{one.path}", one.content if _is_last(one, number, files) else b"", one.kind | one.mode, number + 1
        )
        for number, one in enumerate(files)
    ]
    return b"".join(parts) + member("TRAILER!!!")


def stripped(*files: RawFile) -> bytes:
    """The archive of large packages: numbers alone."""
    parts = []
    for number, one in enumerate(files):
        content = one.content if _is_last(one, number, files) else b""
        parts.append(b"07070X%08x\0\0" % number + content + bytes(-len(content) % 4))
    return b"".join(parts) + member("TRAILER!!!")


def member(name: str, content: bytes = b"", mode: int = 0, inode: int = 0, *, size: int = -1) -> bytes:
    """One of the common format; *size* lies about its content."""
    length = len(content) if size < 0 else size
    numbers = (inode, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, len(name.encode()) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % one for one in numbers) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)


def _is_last(one: RawFile, number: int, files: Sequence[RawFile]) -> bool:
    later = files[number + 1 :]
    return not one.inode or all(other.inode != one.inode for other in later)


def _tags(files: Sequence[RawFile]) -> list[tuple[int, int, int, bytes]]:
    tags = [(1000, _TEXT, 1, b"raw\0"), (1001, _TEXT, 1, b"1\0"), (1002, _TEXT, 1, b"1\0")]
    if not files:
        return tags
    folders = [one.path.rpartition("/")[0] + "/" for one in files]
    inodes = [one.inode or 1000 + number for number, one in enumerate(files)]
    return [
        *tags,
        _numbers(1028, [one.stated_size for one in files]),
        (1030, _NUMBER16, len(files), b"".join(struct.pack(">H", one.kind | one.mode) for one in files)),
        (1033, _NUMBER16, len(files), bytes(2 * len(files))),
        _numbers(1034, [1_600_000_000] * len(files)),
        _texts(1035, [one.stated_digest for one in files]),
        _texts(1036, [one.content.decode("utf-8", "surrogateescape") if one.kind == LINK else "" for one in files]),
        _numbers(1037, [one.flags for one in files]),
        _texts(1039, ["root"] * len(files)),
        _texts(1040, ["root"] * len(files)),
        _numbers(1045, [0] * len(files)),
        _numbers(1095, [1] * len(files)),
        _numbers(1096, inodes),
        _texts(1097, [""] * len(files)),
        _numbers(1116, list(range(len(files)))),
        _texts(1117, [one.path.rpartition("/")[2] for one in files]),
        _texts(1118, folders),
        _numbers(5011, [8]),
    ]


def _numbers(tag: int, values: Sequence[int]) -> tuple[int, int, int, bytes]:
    return tag, _NUMBER, len(values), b"".join(struct.pack(">I", value) for value in values)


def _texts(tag: int, values: Sequence[str]) -> tuple[int, int, int, bytes]:
    return tag, _TEXTS, len(values), b"".join(one.encode("utf-8", "surrogateescape") + b"\0" for one in values)


def _section(region: int, values: Sequence[tuple[int, int, int, bytes]]) -> bytes:
    store, rows = b"", []
    for tag, kind, count, content in values:
        store += bytes(-len(store) % _WIDTHS.get(kind, 1))
        rows.append((tag, kind, len(store), count))
        store += content
    rows.insert(0, (region, _BINARY, len(store), 16))
    store += struct.pack(">IIiI", region, _BINARY, -16 * len(rows), 16)
    head = b"".join(struct.pack(">IIiI", *row) for row in rows)
    return b"\x8e\xad\xe8\x01\0\0\0\0" + struct.pack(">II", len(rows), len(store)) + head + store
