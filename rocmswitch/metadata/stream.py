"""Bytes that come in pieces, read as one stream in which one can look ahead."""

from __future__ import annotations

from collections.abc import Iterator


class Unreadable(Exception):
    """Why bytes cannot be read as what they should be: the end of a sentence that begins with their name."""


class NotUnderstood(Unreadable):
    """It may be whole, but nothing here can open it."""


class Stream:
    """Pieces of bytes as one stream, in which one can look ahead and put back."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""
        self._at = 0
        self.position = 0
        """How many bytes were taken."""

    def peek(self, count: int) -> bytes:
        """The next *count* bytes, fewer at the end, without taking them."""
        ready = len(self._held) - self._at
        if ready < count:
            pieces = [self._held[self._at :]]
            while ready < count and (piece := next(self._pieces, b"")):
                pieces.append(piece)
                ready += len(piece)
            self._held, self._at = b"".join(pieces), 0
        return self._held[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        """The next *count* bytes. Raises Unreadable where there are fewer."""
        block = self.peek(count)
        if len(block) < count:
            raise Unreadable("is cut short")
        self._move(count)
        return block

    def skip(self, count: int) -> None:
        """Pass *count* bytes. Raises Unreadable where there are fewer."""
        while count:
            ready = min(count, len(self._held) - self._at) or len(self.peek(1))
            if not ready:
                raise Unreadable("is cut short")
            self._move(ready)
            count -= ready

    def skip_zeros(self) -> bool:
        """Pass zero bytes, which fill the place between archives. Whether anything follows them."""
        while self.peek(1) == b"\0":
            rest = self._held[self._at :]
            self._move(len(rest) - len(rest.lstrip(b"\0")))
        return self.peek(1) != b""

    def some(self, count: int) -> bytes:
        """At most *count* of the next bytes; none at the end."""
        self.peek(1)
        block = self._held[self._at : self._at + count]
        self._move(len(block))
        return block

    def put_back(self, block: bytes) -> None:
        """Give back the last bytes that were taken."""
        self._held, self._at = block + self._held[self._at :], 0
        self.position -= len(block)

    def _move(self, count: int) -> None:
        self._at += count
        self.position += count
