"""A wheel in the cache, and what it says of its own files."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from rocmswitch.errors import Failed
from rocmswitch.model.package import Digest


@dataclass(frozen=True)
class Wheel:
    """A verified wheel in the cache, with the name that its installer needs."""

    filename: str
    path: Path
    digest: Digest

    @property
    def requirement(self) -> str:
        """The line that allows this file and no other."""
        return f"{self.project}=={parse_wheel_filename(self.filename)[1]} --hash={self.digest}"

    @property
    def project(self) -> str:
        """Its normalised name. Raises Failed where the file's name is no wheel's."""
        try:
            return parse_wheel_filename(self.filename)[0]
        except InvalidWheelFilename as error:
            raise Failed(f"`{self.filename}` is not the name of a wheel") from error

    def recorded(self) -> dict[str, str]:
        """Path in site-packages to SHA-256 in hex, empty where it states none. Raises Failed."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                record = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/RECORD", name))
                rows = list(csv.reader(io.TextIOWrapper(archive.open(record), "utf-8", newline="")))
            return {row[0]: _as_hex(row[1]) for row in rows if row and "/../" not in f"/{row[0]}"}
        except (zipfile.BadZipFile, StopIteration, UnicodeDecodeError, binascii.Error, IndexError) as error:
            raise Failed(f"`{self.filename}` has no readable RECORD") from error


def _as_hex(stated: str) -> str:
    """`sha256=` and unpadded URL-safe base64, as the wheel format has it."""
    algorithm, _, value = stated.partition("=")
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex() if algorithm == "sha256" else ""
