"""A file system whose files nobody ever delivers: who asks for one is in state D, and no signal ends it.

with stuck_folder(tmp_path / "stuck") as folder:
    ...  # os.stat(folder / "file") does not come back; it fails once the block is left
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_MNT_DETACH = 2
_INIT = 26
_REQUEST = struct.Struct("<IIQQIII4x")
"""fuse(4) and linux/fuse.h: length, operation, number, node, user, group, process."""
_ANSWER = struct.Struct("<IiQ")
_GREETING = struct.pack("<IIII8x", 7, 12, 0, 0)
"""A version whose greeting is that short."""


@contextlib.contextmanager
def stuck_folder(folder: Path) -> Iterator[Path]:
    """Skips the test where this user cannot mount."""
    folder.mkdir()
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"no FUSE here: {error.strerror}")
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}".encode()
    failed = libc.mount(b"tests", os.fsencode(folder), b"fuse", 0, options)
    if failed:
        os.close(device)
        pytest.skip(f"nothing can be mounted here: {os.strerror(ctypes.get_errno())}")
    listener = subprocess.Popen([sys.executable, __file__, str(device)], pass_fds=[device])
    os.close(device)
    try:
        yield folder
    finally:
        # Nobody has the device open any more: the kernel fails all that waits.
        listener.kill()
        listener.wait()
        libc.umount2(os.fsencode(folder), _MNT_DETACH)


def listen(device: int) -> None:
    """Take requests for ever; only the first one, the kernel's greeting, is answered."""
    while request := os.read(device, 1 << 20):
        _, operation, number, *_ = _REQUEST.unpack_from(request)
        if operation == _INIT:
            os.write(device, _ANSWER.pack(_ANSWER.size + len(_GREETING), 0, number) + _GREETING)


if __name__ == "__main__":
    listen(int(sys.argv[1]))
