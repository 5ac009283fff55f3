"""Reading large files once: their hash, and their copy, with little memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import BinaryIO

_PIECE = 1 << 20


def hash_opened(file: BinaryIO) -> str:
    """SHA-256 in hex of the whole *file*, a real one, wherever it was read to. Raises OSError."""
    digest = hashlib.sha256()
    for piece in _pieces(file):
        digest.update(piece)
    return digest.hexdigest()


def copy_hashed(source: BinaryIO, target: BinaryIO) -> str:
    """Write all of *source* to *target*, both real files; SHA-256 in hex of what was written. Raises OSError."""
    digest = hashlib.sha256()
    for piece in _pieces(source):
        target.write(piece)
        digest.update(piece)
    target.flush()
    return digest.hexdigest()


def _pieces(file: BinaryIO) -> Iterator[memoryview]:
    """Each is valid until the next one is asked for."""
    buffer = memoryview(bytearray(_PIECE))
    offset = 0
    while count := os.preadv(file.fileno(), [buffer], offset):
        yield buffer[:count]
        offset += count
