"""rocmswitch.lock: every wheel of an environment, so that another machine gets the same bytes.

JSON like a stack's lock, one wheel a line and sorted: two can be compared line by line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from rocmswitch.errors import ManifestMistake, VerificationFailed
from rocmswitch.metadata.lockkinds import is_of_stacks
from rocmswitch.model.grammar import GPU, PYTHON, URL, check_requirements, is_name
from rocmswitch.model.package import Digest

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes; 100 wheels take 40 kB."""
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(\.whl|\.tar\.gz)")
_EXACT = re.compile(r"[A-Za-z0-9._-]+==[^\s;,=*]+")
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
        another = is_of_stacks(text, file)
        if another is not None:
            raise another from error
        raise ManifestMistake(f"{file}: {_printable(str(error))}") from error
    return lock


def _printable(text: str) -> str:
    """A lock comes from elsewhere, and what is wrong in it is shown on a terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


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
    if not all(text.isprintable() for text in _texts(msgspec.to_builtins(lock))):
        raise ValueError("a control character stands in a value")
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


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for one in value.values() for text in _texts(one))
    elif isinstance(value, (list, tuple)):
        yield from (text for one in value for text in _texts(one))
