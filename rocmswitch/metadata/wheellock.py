"""rocmswitch.lock: every wheel of an environment, so that another machine gets the same bytes.

JSON like a stack's lock, one wheel a line and sorted: two can be compared line by line.
"""

from __future__ import annotations

import json
import re
from typing import Literal

import msgspec

from rocmswitch.errors import ManifestMistake, VerificationFailed
from rocmswitch.model.grammar import PYTHON, check_requirements
from rocmswitch.model.package import Digest

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes; 100 wheels take 40 kB."""
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(\.whl|\.tar\.gz)")
_SCHEMES = ("https://", "http://", "file:///")


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A frozen value; an unknown key is a mistake."""


class LockedWheel(Struct, frozen=True):
    """One wheel. `size` is bytes; `verification` is by what it was checked, in our own records alone."""

    name: str
    version: str
    file: str
    url: str
    size: int
    sha256: str
    verification: str = ""


class WheelLock(Struct, frozen=True):
    """An environment: its stack, its Python and its wheels."""

    schema: Literal[1]
    stack: str
    python: str
    """The tag that the wheels are for, `cp311`."""
    wheels: tuple[LockedWheel, ...]
    torch: str = ""
    index: str = ""
    gpu: str = ""
    """The card that the wheels are for; empty where they are for all."""
    pins: tuple[str, ...] = ()
    unpacked: int = 0
    """Bytes on disk, as planned."""


def parse_wheel_lock(text: bytes, file: str) -> WheelLock:
    """Read a lock. Raises ManifestMistake, which names *file*, the line or key, and what is wrong there."""
    if len(text) > SIZE_LIMIT:
        raise ManifestMistake(f"{file}: a lock of more than {SIZE_LIMIT} bytes is not read")
    try:
        lock = msgspec.json.decode(text, type=WheelLock)
        _check(lock)
    except RecursionError as error:
        raise ManifestMistake(f"{file}: it is nested too deeply") from error
    except (msgspec.MsgspecError, ValueError, VerificationFailed) as error:
        raise ManifestMistake(f"{file}: {error}") from error
    return lock


def render_wheel_lock(lock: WheelLock) -> bytes:
    """The text of *lock*; parsing it gives the same lock again."""
    content = msgspec.to_builtins(lock)
    wheels = sorted(content.pop("wheels"), key=lambda one: str(one["file"]))
    lines = ",\n".join(f"    {json.dumps(one, ensure_ascii=False)}" for one in wheels)
    head = "".join(
        f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n" for key, value in content.items()
    )
    return f'{{\n{head}  "wheels": [\n{lines}\n  ]\n}}\n'.encode()


def _check(lock: WheelLock) -> None:
    """Raise ValueError or VerificationFailed for what the types cannot say."""
    if not PYTHON.fullmatch(lock.python):
        raise ValueError(f"`{lock.python[:40]}` is not the tag of an interpreter like `cp311`")
    # They become lines of a file that pip reads: nothing but requirements may be in them.
    check_requirements(lock.pins, ("pins",))
    if not all(pin.isprintable() for pin in lock.pins):
        raise ValueError("a pin is not one line of text")
    seen: set[str] = set()
    for number, wheel in enumerate(lock.wheels):
        where = f"`wheels[{number}]` (`{wheel.file[:80]}`)"
        Digest.sha256(wheel.sha256)
        if not _FILE.fullmatch(wheel.file) or wheel.size < 0 or not wheel.url.startswith(_SCHEMES):
            raise ValueError(f"{where} has no usable file name, size or address")
        if wheel.name in seen:
            raise ValueError(f"{where} is there twice")
        seen.add(wheel.name)
