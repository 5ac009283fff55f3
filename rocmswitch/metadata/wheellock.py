"""rocmswitch.lock: every wheel of an environment, so that another machine gets the same bytes.

JSON like a stack's lock, one wheel a line and sorted: two can be compared line by line.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from rocmswitch.errors import ManifestMistake
from rocmswitch.metadata.lockkinds import is_of_stacks
from rocmswitch.metadata.ownjson import check_printable, parse_lock_as, rendered
from rocmswitch.model.grammar import GPU, PYTHON, URL, check_requirements, is_name
from rocmswitch.model.package import Digest
from rocmswitch.model.strict import Struct

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes; 100 wheels take 40 kB."""
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(\.whl|\.tar\.gz)")
_EXACT = re.compile(r"[A-Za-z0-9._-]+==[^\s;,=*]+")
_SCHEMES = ("https://", "http://", "file:///")


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
    return parse_lock_as(WheelLock, text, file, _check, is_of_stacks)


def render_wheel_lock(lock: WheelLock) -> bytes:
    """The text of *lock*; parsing it gives the same lock again."""
    content = msgspec.to_builtins(lock)
    wheels = sorted(content.pop("wheels"), key=lambda one: str(one["file"]))
    return rendered({**content, "wheels": wheels}, "wheels")


def _check(lock: WheelLock) -> None:
    """Raise ValueError or VerificationFailed for what the types cannot say."""
    check_printable(lock)
    if not PYTHON.fullmatch(lock.python):
        raise ValueError(f"`{lock.python[:40]}` is not the tag of an interpreter like `cp311`")
    if not is_name(lock.stack) or lock.unpacked < 0:
        raise ValueError("`stack` or `unpacked` is nothing that can be meant")
    if (lock.gpu and not GPU.fullmatch(lock.gpu)) or (lock.index and not URL.fullmatch(lock.index)):
        raise ValueError("`gpu` is no card, or `index` is no address")
    _check_wheels(lock.wheels)
    _check_pins(lock)


def _check_wheels(wheels: tuple[LockedWheel, ...]) -> None:
    seen: set[str] = set()
    for number, wheel in enumerate(wheels):
        where = f"`wheels[{number}]` (`{wheel.file[:80]}`)"
        Digest.sha256(wheel.sha256)
        if not _FILE.fullmatch(wheel.file) or wheel.size < 0 or not _is_address(wheel.url):
            raise ValueError(f"{where} has no usable file name, size or address")
        if wheel.name in seen:
            raise ValueError(f"{where} is there twice")
        seen.add(wheel.name)


def _check_pins(lock: WheelLock) -> None:
    """They become lines of a file that pip reads, and are what keeps torch: they have to be of these wheels."""
    check_requirements(lock.pins, ("pins",))
    versions = {wheel.name: wheel.version for wheel in lock.wheels}
    exact = dict(pin.split("==") for pin in lock.pins if _EXACT.fullmatch(pin))
    if versions.get("torch", "") != lock.torch or exact.get("torch", "") != lock.torch:
        raise ValueError(f"`torch` is not what its wheels and its pins have: `{lock.torch[:40]}`")
    for name, version in exact.items():
        if versions.get(name, version) != version:
            raise ValueError(f"`{name}` is pinned to another version than its wheel has")
    if any("@" in pin for pin in lock.pins):
        raise ValueError("a pin names an address")


def _is_address(url: str) -> bool:
    """Of a file here or on a server. Raises ValueError for what is no URL at all."""
    parts = urlsplit(url)
    named = parts.port is None or 0 < parts.port < 65536
    plain = not re.search(r"[\s\\]|%00", url)
    return url.startswith(_SCHEMES) and named and plain and bool(parts.hostname or parts.scheme == "file")
