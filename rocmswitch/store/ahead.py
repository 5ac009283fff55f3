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

_LARGEST = 64 * 1024 * 1024
"""Bytes of a block that may wait in memory: `xz -9` writes such."""
_MOST = 4
"""Blocks that wait or are being made, for all archives together: 100 MB of 24 MiB each."""
_INPUT = 256 * 1024


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


class Processors:
    """So many, each busy or free; more threads than processors only make the others wait."""

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

    def take(self) -> bool:
        """Whether there was a free one, which is the caller's until it is given back."""
        with self._lock:
            is_free = self._free > 0
            self._free -= is_free
            return is_free

    def give(self, count: int) -> None:
        with self._lock:
            self._free += count


class Ahead:
    """Decompresses for threads, each of which is `busy` meanwhile. `stopped` ends all that is under way."""

    def __init__(self, processors: int, stopped: Callable[[], bool]) -> None:
        self.processors = Processors(processors)
        self._waiting = Processors(_MOST)
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

    def take(self) -> bool:
        """Whether a processor is free, and room for what it makes."""
        if not self._waiting.take():
            return False
        if self.processors.take():
            return True
        self._waiting.give(1)
        return False

    def give(self) -> None:
        self.processors.give(1)
        self._waiting.give(1)

    def start(self, make: Callable[[], deque[bytes]]) -> Future[deque[bytes]]:
        return self._pool.submit(make)

    def check(self) -> None:
        """Raise Stopped where nobody wants any more of it."""
        if self._stopped():
            raise Stopped


class _InOrder:
    """One archive. While another processor is free, its own thread only takes what both make."""

    def __init__(self, ahead: Ahead, span: Span, file: XzFile) -> None:
        self._ahead, self._span, self._file = ahead, span, file
        self._left = deque(file.blocks)
        self._made: deque[tuple[Future[deque[bytes]], bool]] = deque()
        """In order; and whether a processor has to be given back for it."""

    def pieces(self) -> Iterator[bytes]:
        try:
            while self._left or self._made:
                self._begin()
                if not self._made:
                    yield from self._block(self._left.popleft())
                    continue
                made = self._made[0][0].result()
                self._give_back()
                self._begin()
                while made:
                    yield made.popleft()
        finally:
            for future, _ in self._made:
                future.cancel()
            while self._made:
                self._give_back()

    def _begin(self) -> None:
        """Let as many blocks be made as there are processors for it; the thread's own is one, if another is."""
        while self._left:
            is_own = bool(self._made) and all(taken for _, taken in self._made)
            if not is_own and not self._ahead.take():
                return
            self._made.append((self._ahead.start(partial(self._whole, self._left.popleft())), not is_own))

    def _give_back(self) -> None:
        if self._made.popleft()[1]:
            self._ahead.give()

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
                if piece:
                    yield piece
                piece = b"" if decoder.eof else decoder.decompress(b"", CHUNK)
        if not decoder.eof or left:
            raise EOFError("a block is not what the index says")

    def _given(self, block: Block) -> Iterator[bytes]:
        yield self._file.header
        for at in range(0, block.size, _INPUT):
            yield self._span.read(block.offset + at, min(_INPUT, block.size - at))
        yield self._file.ending(block)


def _largest(file: XzFile) -> int:
    return max(block.content for block in file.blocks)
