"""cpio archives of the kind that the kernel unpacks as its first root: read once, from start to end.

The format is `newc` (Documentation/driver-api/early-userspace/buffer-format.rst): headers of hex digits, names and
contents that begin at multiples of four, an entry `TRAILER!!!` at the end. Only what is wanted is held in memory.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rocmswitch.metadata.stream import Stream, Unreadable

MAGICS = (b"070701", b"070702")

_HEADER = 110
_FIELDS = 13
_END = b"TRAILER!!!"
_NAME_LIMIT = 4096 + 1
"""PATH_MAX, and the zero byte."""
_FILE_LIMIT = 1024 * 1024 * 1024
"""Bytes of a wanted file: more than any module has, and what a machine has room for."""
_LINKED_LIMIT = 256 * 1024 * 1024
"""Bytes of files with several names in one archive. A large one has some megabytes of them."""


@dataclass(frozen=True)
class _Entry:
    name: str
    mode: int
    size: int
    links: int
    inode: tuple[int, ...]
    """Number and device: what names of one file share."""


def read_archive(stream: Stream, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Each wanted regular file of the archive that begins here, up to and with its end mark. Raises Unreadable.

    A file that has several names has its content with one of them, whichever the program that wrote it chose; here
    each of its wanted names has it, as after unpacking.
    """
    links = _Links(wanted)
    while (entry := _next(stream)) is not None:
        is_file = stat.S_ISREG(entry.mode)
        if is_file and (wanted(entry.name) or (entry.links > 1 and entry.size)):
            if entry.size > _FILE_LIMIT:
                raise Unreadable("holds a file that is larger than any module")
            content = stream.take(entry.size)
            yield from links.names_of(entry, content) if entry.links > 1 else [(entry.name, content)]
        else:
            stream.skip(entry.size)
        stream.skip(-entry.size % 4)
    yield from links.left()


def _next(stream: Stream) -> _Entry | None:
    """The next entry, the stream standing at its content; None for the end mark."""
    fields = _fields(stream.take(_HEADER))
    inode, mode, _, _, links, _, size, device, minor, _, _, length, _ = fields
    if not 0 < length <= _NAME_LIMIT:
        raise Unreadable("holds a name that is too long")
    name = stream.take(length).rstrip(b"\0")
    stream.skip(-(_HEADER + length) % 4)
    if name == _END:
        stream.skip(size + -size % 4)
        return None
    path = name.decode("utf-8", "surrogateescape").removeprefix("./").lstrip("/")
    return _Entry(path, mode, size, links, (inode, device, minor))


def _fields(header: bytes) -> list[int]:
    if not header.startswith(MAGICS):
        raise Unreadable("is garbled")
    try:
        return [int(header[at : at + 8], 16) for at in range(6, 6 + 8 * _FIELDS, 8)]
    except ValueError as error:
        raise Unreadable("is garbled") from error


class _Links:
    """The files of one archive that have several names."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._contents: dict[tuple[int, ...], bytes] = {}
        self._waiting: dict[tuple[int, ...], list[str]] = {}
        self._held = 0

    def names_of(self, entry: _Entry, content: bytes) -> Iterator[tuple[str, bytes]]:
        """The wanted names whose content is known with *entry*."""
        names = [entry.name] if self._wanted(entry.name) else []
        if content:
            self._hold(entry.inode, content)
            names = self._waiting.pop(entry.inode, []) + names
        known = self._contents.get(entry.inode)
        if known is None:
            self._waiting.setdefault(entry.inode, []).extend(names)
            return
        yield from ((name, known) for name in names)

    def left(self) -> Iterator[tuple[str, bytes]]:
        """The wanted names whose file is empty."""
        yield from ((name, b"") for names in self._waiting.values() for name in names)

    def _hold(self, inode: tuple[int, ...], content: bytes) -> None:
        self._held += len(content)
        if self._held > _LINKED_LIMIT:
            raise Unreadable("holds too many files with several names")
        self._contents[inode] = content
