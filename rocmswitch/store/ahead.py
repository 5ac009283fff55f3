"""The blocks of a large .xz archive decompressed side by side, by processors that have nothing else to do.

Debian's rocSOLVER takes one processor 24 s, and nothing else is left to do then. As long as every processor has an
archive of its own, each is read in order, and needs no more memory than a piece.
"""

from __future__ import annotations

import contextlib
import lzma
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Protocol, runtime_checkable

from rocmswitch.metadata.xzindex import Block, XzFile, read_xz
from rocmswitch.store.compression import CHUNK, MEMORY_LIMIT, Readable, Unfit, decompressed
from rocmswitch.store.target import Stopped

_ROOM = 72 * 1024 * 1024
"""Bytes of blocks that are being made or wait, for all archives together: three of Debian's."""
_LARGEST = _ROOM // 2
"""Bytes of a block that is read so: where no two have room, nothing is made beside another."""
_INPUT = 256 * 1024
_OTHERWISE = "a block is not what the index says"


@dataclass(frozen=True)
class Span:
    """Bytes of an open file."""

    descriptor: int
    offset: int
    size: int

    def read(self, offset: int, count: int) -> bytes:
        return os.pread(self.descriptor, max(min(count, self.size - offset), 0), self.offset + offset)


def span_of(file: Readable, size: int) -> Span | None:
    """The next *size* bytes of *file*; None where it is none of the disk's."""
    try:
        return Span(file.fileno(), file.tell(), size)  # type: ignore[attr-defined]  # asked here whether it has them
    except (AttributeError, OSError):
        return None


@runtime_checkable
class Spanned(Protocol):
    """What knows where in a file its bytes lie."""

    def span(self) -> Span | None: ...

    def pass_over(self) -> None:
        """As if all had been read."""


class Rest:
    """What is left of a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, count: int, /) -> bytes:
        return self._file.read(count)

    def span(self) -> Span | None:
        return span_of(self._file, os.fstat(self._file.fileno()).st_size - self._file.tell())

    def pass_over(self) -> None:
        self._file.seek(0, os.SEEK_END)


class Free:
    """How much there is that nobody has taken: processors, as more threads only make the others wait, or room."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Whoever comes with work of his own waits for nobody."""
        self.give(-1)
        try:
            yield
        finally:
            self.give(1)

    def take(self, count: int = 1) -> bool:
        """Whether there were so many free ones, which are the caller's until they are given back."""
        with self._lock:
            is_free = self._free >= count
            self._free -= count * is_free
            return is_free

    def give(self, count: int) -> None:
        with self._lock:
            self._free += count


class Ahead:
    """Decompresses for threads, each of which is `busy` meanwhile. `stopped` ends all that is under way."""

    def __init__(self, processors: int, stopped: Callable[[], bool]) -> None:
        self.processors = Free(processors)
        self.room = Free(_ROOM)
        self._stopped = stopped
        self._pool = ThreadPoolExecutor(max(processors, 1), thread_name_prefix="decompress")

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def decompressed(self, suffix: str, source: Readable) -> Iterator[bytes]:
        """As compression.decompressed."""
        span = source.span() if suffix == ".xz" and isinstance(source, Spanned) else None
        found = read_xz(span.read, span.size) if span else None
        if span is None or found is None or len(found.blocks) == 1 or _largest(found) > _LARGEST:
            yield from decompressed(suffix, source)
            return
        try:
            yield from _InOrder(self, span, found).pieces()
        except (lzma.LZMAError, EOFError) as error:
            raise Unfit(f"cannot be decompressed ({error})") from error
        source.pass_over()  # type: ignore[attr-defined]  # it is Spanned

    def start(self, make: Callable[[], deque[bytes]]) -> Future[deque[bytes]]:
        return self._pool.submit(make)

    def check(self) -> None:
        """Raise Stopped where nobody wants any more of it."""
        if self._stopped():
            raise Stopped


@dataclass(frozen=True)
class _Made:
    """A block that is made, or being made."""

    pieces: Future[deque[bytes]]
    room: int
    processors: int
    """How many were taken for it: none where it is the thread's own that makes it."""


class _InOrder:
    """One archive. While another processor is free, its own thread only takes what both make."""

    def __init__(self, ahead: Ahead, span: Span, file: XzFile) -> None:
        self._ahead, self._span, self._file = ahead, span, file
        self._left = deque(file.blocks)
        self._made: deque[_Made] = deque()

    def pieces(self) -> Iterator[bytes]:
        try:
            while self._left or self._made:
                self._begin()
                if self._made:
                    yield from self._next()
                else:
                    yield from self._block(self._left.popleft())
        finally:
            for one in self._made:
                one.pieces.cancel()
                self._ahead.processors.give(one.processors)
                self._ahead.room.give(one.room)

    def _begin(self) -> None:
        """Let as many blocks be made as there are processors for it; the thread's own is one, if another is."""
        while self._left and self._ahead.room.take(self._left[0].content):
            is_own = bool(self._made) and all(one.processors for one in self._made)
            if not is_own and not self._ahead.processors.take():
                self._ahead.room.give(self._left[0].content)
                return
            block = self._left.popleft()
            future = self._ahead.start(partial(self._whole, block))
            self._made.append(_Made(future, block.content, int(not is_own)))

    def _next(self) -> Iterator[bytes]:
        """The pieces of the next block. Its processor is free for another one meanwhile, its room is not."""
        pieces = self._made[0].pieces.result()
        made = self._made.popleft()
        self._ahead.processors.give(made.processors)
        try:
            self._begin()
            while pieces:
                yield pieces.popleft()
        finally:
            self._ahead.room.give(made.room)

    def _whole(self, block: Block) -> deque[bytes]:
        return deque(self._block(block))

    def _block(self, block: Block) -> Iterator[bytes]:
        """The pieces of one, decompressed as if it were alone in a file, so that all of it is checked."""
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY_LIMIT)
        left = block.content
        for given in self._given(block):
            piece = decoder.decompress(given, CHUNK)
            while piece or not (decoder.needs_input or decoder.eof):
                self._ahead.check()
                left -= len(piece)
                if left < 0:
                    raise EOFError(_OTHERWISE)
                if piece:
                    yield piece
                piece = b"" if decoder.eof else decoder.decompress(b"", CHUNK)
        if not decoder.eof or left:
            raise EOFError(_OTHERWISE)

    def _given(self, block: Block) -> Iterator[bytes]:
        yield self._file.header
        for at in range(0, block.size, _INPUT):
            yield self._span.read(block.offset + at, min(_INPUT, block.size - at))
        yield self._file.ending(block)


def _largest(file: XzFile) -> int:
    return max(block.content for block in file.blocks)
