"""The files of an rpm: its cpio archive, in which the header has the last word on what each of them is.

The formats are cpio's `newc` (magic 070701), whose names, kinds, modes and sizes must be those of the header, and
the one of packages with files beyond 4 GB and of rpm 6 (07070X), which holds nothing but numbers of files there.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

from rocmswitch.metadata import rpmheader
from rocmswitch.metadata.rpmheader import Section
from rocmswitch.store.compression import Unfit
from rocmswitch.store.members import (
    DIRECTORY,
    FILE,
    HARD_LINK,
    LINK,
    Limits,
    Member,
    Tar,
    checked_target,
    permissions,
    relative,
    time_of,
)

_NEWC, _STRIPPED = b"070701", b"07070X"
_END = "TRAILER!!!"
_FIELDS = 13
_NAME_LIMIT = 4096
_GHOST = 1 << 6
"""In a file's flags: it belongs to the package and is not in it."""
_KINDS = {stat.S_IFREG: FILE, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: LINK}
_NAMES = {
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}


@dataclass(frozen=True)
class _Stated:
    """A file as the header describes it."""

    member: Member
    mode: int
    inode: tuple[int, int]
    """With its device: what names of one file share."""


@dataclass
class _Group:
    """The names of one file. Its content comes with one of them, usually the last."""

    last: int
    """The greatest of their numbers."""
    left: int = 0
    """How many of them have not been seen."""
    first: str = ""
    """The name that has its content."""
    waiting: list[_Stated] = field(default_factory=list)


class _Files:
    """What the header says of all files, by their numbers there, which leave out what is not in the package."""

    def __init__(self, header: Section, limits: Limits) -> None:
        self.by_number = dict(_stated(header, limits))
        self.numbers = {one.member.path: number for number, one in self.by_number.items()}
        if len(self.numbers) != len(self.by_number):
            raise Unfit("has a header with the same path twice")
        self._groups: dict[tuple[int, int], _Group] = {}
        alike: dict[tuple[int, int], Member] = {}
        for number, one in self.by_number.items():
            if one.member.kind == FILE:
                first = alike.setdefault(one.inode, one.member)
                if (first.size, first.stated) != (one.member.size, one.member.stated):
                    raise Unfit(f"has a header in which `{one.member.path}` is another file and the same")
                group = self._groups.setdefault(one.inode, _Group(number))
                group.left, group.last = group.left + 1, max(group.last, number)
        self._several = {inode for inode, group in self._groups.items() if group.left > 1}

    def group(self, one: _Stated) -> _Group | None:
        """The names that *one*'s file has; None where it has no other."""
        return self._groups[one.inode] if one.inode in self._several and one.member.kind == FILE else None

    def size(self, number: int) -> int:
        """Bytes of a file in an archive that does not say it itself: of several names the last has them."""
        one = self.by_number[number]
        group = self.group(one)
        if one.member.kind == LINK:
            return len(one.member.target.encode())
        return one.member.size if group is None or group.last == number else 0


def read_payload(header: Section, cpio: Tar, limits: Limits) -> Iterator[Member]:
    """Each member; of one that is a file, the consumer takes exactly its size from *cpio* before the next.

    A name of a file that has several comes when its content has. Raises Unfit and Unreadable.
    """
    files = _Files(header, limits)
    left = dict(files.by_number)
    while (entry := _next(cpio, files)) is not None:
        number, size = entry
        one = left.pop(number, None)
        if one is None:
            raise Unfit(f"has `{files.by_number[number].member.path}` twice")
        group = files.group(one)
        yield from _single(one, cpio, size) if group is None else _grouped(one, group, size)
        cpio.exactly(-size % 4)
    if left:
        raise Unfit(f"lacks `{next(iter(left.values())).member.path}`, which its header has")


def _single(one: _Stated, cpio: Tar, size: int) -> Iterator[Member]:
    member = one.member
    expected = len(member.target.encode()) if member.kind == LINK else member.size
    if size != expected:
        raise Unfit(f"has {size} bytes of `{member.path}`, whose header says {expected}")
    if member.kind == LINK and cpio.exactly(size).decode("utf-8", "surrogateescape") != member.target:
        raise Unfit(f"has a symlink, `{member.path}`, that leads elsewhere than its header says")
    if member.path != ".":
        yield member


def _grouped(one: _Stated, group: _Group, size: int) -> Iterator[Member]:
    """The members that are known now: none, the file with the names that waited for it, or one more name of it."""
    member = one.member
    group.left -= 1
    has_content = not group.first and (size > 0 or not group.left)
    if size != (member.size if has_content else 0):
        raise Unfit(f"has {size} bytes of `{member.path}`, whose header says {member.size}")
    if has_content:
        group.first = member.path
        yield member
        yield from (_link_to(group, waiting) for waiting in group.waiting)
    elif group.first:
        yield _link_to(group, one)
    else:
        group.waiting.append(one)


def _link_to(group: _Group, one: _Stated) -> Member:
    return Member(one.member.path, HARD_LINK, one.member.mode, 0, one.member.mtime, group.first)


def _next(cpio: Tar, files: _Files) -> tuple[int, int] | None:
    """Number and size of the next entry, *cpio* standing at its content; None for the end mark."""
    magic = cpio.exactly(6)
    if magic == _STRIPPED:
        (number,) = _hex(cpio.exactly(8))
        cpio.exactly(2)
        if number not in files.by_number:
            raise Unfit(f"has a file with the number {number}, which its header does not have")
        return number, files.size(number)
    if magic != _NEWC:
        raise Unfit("has no cpio archive where one should be")
    _, mode, _, _, _, _, size, _, _, _, _, length, _ = _hex(cpio.exactly(8 * _FIELDS))
    name = _name(cpio, length)
    if name == _END:
        return None
    number = files.numbers.get(name, -1)
    if number < 0:
        raise Unfit(f"has a file, {name[:80]!a}, that its header does not have")
    if stat.S_IFMT(mode) != stat.S_IFMT(files.by_number[number].mode):
        raise Unfit(f"has something else in the place of `{name}` than its header says")
    return number, size


def _name(cpio: Tar, length: int) -> str:
    if not 1 < length <= _NAME_LIMIT:
        raise Unfit(f"has a name of {length} bytes")
    name = cpio.exactly(length)
    cpio.exactly(-(6 + 8 * _FIELDS + length) % 4)
    if name.find(b"\0") != length - 1:
        raise Unfit("has a garbled name")
    return name[:-1].decode("utf-8", "surrogateescape").removeprefix(".").removeprefix("/") or "."


def _hex(content: bytes) -> list[int]:
    if not re.fullmatch(rb"[0-9A-Fa-f]+", content):
        raise Unfit("has a garbled cpio archive")
    return [int(content[at : at + 8], 16) for at in range(0, len(content), 8)]


def _stated(header: Section, limits: Limits) -> Iterator[tuple[int, _Stated]]:
    """Each file of the header with its number, without those that are only said to belong to the package."""
    names, modes = header.texts(rpmheader.BASE_NAMES), header.numbers(rpmheader.FILE_MODES)
    if len(names) > limits.members:
        raise Unfit(f"has more than {limits.members} members")
    rows = zip(
        modes,
        _paths(header, names),
        header.numbers(rpmheader.LONG_FILE_SIZES) or header.numbers(rpmheader.FILE_SIZES),
        header.numbers(rpmheader.FILE_TIMES),
        header.texts(rpmheader.FILE_LINKS),
        _digests(header, len(names)),
        _inodes(header, len(names)),
        header.numbers(rpmheader.FILE_FLAGS) or (0,) * len(names),
        strict=True,
    )
    try:
        for number, (mode, path, size, mtime, target, digest, inode, flags) in enumerate(rows):
            if not flags & _GHOST:
                shape = _Shape(path, mode, size, mtime, target, digest)
                yield number, _Stated(_member(shape, limits), mode, inode)
    except ValueError as error:
        raise Unfit("has a header that does not say the same of all files") from error


@dataclass(frozen=True)
class _Shape:
    """What a header has of one file, as it stands there."""

    path: str
    mode: int
    size: int
    mtime: int
    target: str
    stated: tuple[str, str]


def _member(shape: _Shape, limits: Limits) -> Member:
    path = relative(shape.path.removeprefix("/"), limits)
    kind = _KINDS.get(stat.S_IFMT(shape.mode))
    if kind is None:
        what = _NAMES.get(stat.S_IFMT(shape.mode), "of a kind that is not understood")
        raise Unfit(f"has a member, `{path}`, that is {what}")
    if path == "." and kind != DIRECTORY:
        raise Unfit(f"has a {kind} in place of its root")
    target = checked_target(kind, path, shape.target, limits)
    # Of a folder rpm states the size that it had on the file system where it was packed.
    size, stated = (shape.size, shape.stated) if kind == FILE else (0, ("", ""))
    return Member(path, kind, permissions(shape.mode, kind), size, time_of(shape.mtime), target, stated)


def _paths(header: Section, names: tuple[str, ...]) -> Iterator[str]:
    folders, indexes = header.texts(rpmheader.FOLDERS), header.numbers(rpmheader.FOLDER_INDEXES)
    if len(indexes) != len(names) or any(one >= len(folders) for one in indexes):
        raise Unfit("has a header that does not say in which folders its files are")
    if any("/" in one for one in names):
        raise Unfit("has a header with the name of a file that is a path")
    return (folders[index] + name for index, name in zip(indexes, names, strict=True))


def _digests(header: Section, count: int) -> Iterator[tuple[str, str]]:
    """By file its hash; a header without an algorithm is of the time when there was only MD5."""
    stated = header.numbers(rpmheader.FILE_DIGEST_ALGORITHM)
    algorithm = rpmheader.HASHES.get(stated[0] if stated else 1, "")
    digests = header.texts(rpmheader.FILE_DIGESTS)
    if digests and not algorithm:
        raise Unfit(f"states hashes of a kind that is not understood ({stated[0]})")
    return ((algorithm, one.lower()) if one else ("", "") for one in digests or repeat("", count))


def _inodes(header: Section, count: int) -> Iterator[tuple[int, int]]:
    """By file what it shares with other names of it: its number where the header says nothing."""
    inodes = header.numbers(rpmheader.FILE_INODES) or tuple(range(count))
    devices = header.numbers(rpmheader.FILE_DEVICES) or (0,) * count
    return zip(devices, inodes, strict=True)
