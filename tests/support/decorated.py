"""A library that has all that a state can say: attributes, a mode of its own, a time to the nanosecond."""

from __future__ import annotations

import os
from pathlib import Path

CONTENT = os.urandom(5_000_000)


def decorated_library(path: Path) -> None:
    path.write_bytes(CONTENT)
    decorate(path)


def decorate(path: Path) -> None:
    os.setxattr(path, "user.note", b"\0\1")
    os.utime(path, ns=(5, 1_234_567_890_123_456_789))
    path.chmod(0o2755)
