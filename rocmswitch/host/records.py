"""What the wheels in a folder of packages say of their own files: the RECORD of each distribution."""

from __future__ import annotations

import base64
import binascii
import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.system.reading import open_regular

_FOLDER = re.compile(r"(?P<name>[^-/]+)-(?P<version>[^-/]+)\.dist-info")
"""The name is normalised and holds no hyphen (PyPA, Recording installed projects)."""
_LARGEST = 64 * 1024 * 1024
"""Bytes. That of torch has 2 MB; what is larger was not written by an installer."""
_LONGEST = 4096
"""Bytes of a line that is looked at: a path of PATH_MAX, a hash and a size fit no more."""
_HASH = "sha256="


@dataclass(frozen=True)
class Recorded:
    """What a wheel had at a path when it was installed."""

    distribution: str
    version: str
    sha256: str
    """In hex."""
    size: int
    """0 where it is not stated."""


def recorded(packages: Path, path: str) -> Recorded | None:
    """What the distributions in *packages* say of *path* below it; None where none lists it with a SHA-256.

    Nothing is believed but the line of that very path: a RECORD that is garbled, huge, no file or lists what is
    not its own says nothing. Of several distributions that list the path, the one named like its top folder
    counts, else the first by name. Raises OSError where *packages* cannot be listed.
    """
    found = (one for info in _likely_first(packages, path) if (one := _recorded(packages / info, path)))
    return next(found, None)


def _likely_first(packages: Path, path: str) -> list[str]:
    """The folders of the distributions: that of `torch` for `torch/lib/libMIOpen.so` is the first to be read.

    `_rocm_sdk_libraries_gfx101x/lib` belongs to rocm_sdk_libraries_gfx101x.
    """
    top = _plain(path.partition("/")[0])
    folders = [(name, match["name"]) for name in os.listdir(packages) if (match := _FOLDER.fullmatch(name))]  # noqa: PTH208
    return [name for name, project in sorted(folders, key=lambda one: (_plain(one[1]) != top, one[0]))]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).strip("_").lower()


def _recorded(info: Path, path: str) -> Recorded | None:
    match = _FOLDER.fullmatch(info.name)
    fields = _fields(info / "RECORD", path)
    if match is None or len(fields) != 3:
        return None
    digest, size = _hex(fields[1]), fields[2]
    if not digest:
        return None
    return Recorded(
        match["name"], match["version"], digest, int(size) if size.isdecimal() and len(size) < 19 else 0
    )


def _fields(record: Path, path: str) -> list[str]:
    """The line of *path*: its fields. Of a RECORD that cannot be read, or has none, nothing."""
    try:
        return next(_rows(record, path), [])
    except (OSError, csv.Error):
        # Somebody else's damage: for the caller, nobody states a hash.
        return []


def _rows(record: Path, path: str) -> Iterator[list[str]]:
    """Only lines that hold the path are parsed: torch has 15 000, and numpy none of interest."""
    # Quotes are doubled in csv.
    needle = os.fsencode(max(path.rpartition("/")[2].split('"'), key=len))
    with open_regular(record, buffered=True) as file:
        if os.fstat(file.fileno()).st_size > _LARGEST:
            return
        for line in iter(lambda: file.readline(_LONGEST), b""):
            if needle in line:
                row = next(csv.reader([os.fsdecode(line).rstrip("\r\n")]), [])
                if row[:1] == [path]:
                    yield row


def _hex(stated: str) -> str:
    """The SHA-256 that a RECORD states, in hex; empty where it states none."""
    if not stated.startswith(_HASH):
        return ""
    text = stated.removeprefix(_HASH)
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == 32 else ""
