"""What a project's `.rocm-version` asks for. It is data: a name of what is installed, never a path, never code."""

from __future__ import annotations

import re
from typing import NamedTuple

PIN_FILE = ".rocm-version"
LONGEST = 64
"""Bytes of one line."""
LARGEST = 256
"""Bytes of a file that is worth reading: two lines, and what an editor adds."""

_LINE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._+-]*")


class WrongPin(ValueError):
    """The content is no pin. Says nothing of the content, which may hold anything."""


class Pin(NamedTuple):
    """A stack (`6.2`, `rocm-6.2.4`, `system`) and perhaps an environment of it."""

    name: str
    venv: str = ""


def parse_pin(content: bytes) -> Pin:
    """The first line, and the second where there is one. Raises WrongPin."""
    if len(content) > LARGEST:
        raise WrongPin("it is too long")
    lines = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    name, venv = (*lines[:2], b"")[:2]
    if not is_pinnable(name) or (venv and not is_pinnable(venv)):
        raise WrongPin("its lines are no names")
    return Pin(name.decode("ascii"), venv.decode("ascii"))


def is_pinnable(line: bytes) -> bool:
    """Whether a shell may look for a script of this name."""
    return len(line) <= LONGEST and _LINE.fullmatch(line) is not None and b".." not in line


def encode_pin(pin: Pin) -> bytes:
    """The inverse of `parse_pin`. Raises WrongPin."""
    content = "".join(f"{line}\n" for line in (pin.name, pin.venv) if line).encode()
    if parse_pin(content) != pin:
        raise WrongPin("its lines are no names")
    return content
