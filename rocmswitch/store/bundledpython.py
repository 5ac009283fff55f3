"""A Python that a bundle brings along, as uv downloads it: handed to uv, which unpacks it and asks no server.

Where the uv of this machine knows the same file, its own list says which hash it must have; else the bundle does.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.bundle import BundledFile
from rocmswitch.store.bundle import BundleFile
from rocmswitch.system.disk import Disk, disk_errors

_KEY = re.compile(
    r"cpython-(?P<major>3)\.(?P<minor>\d{1,3})\.(?P<patch>\d{1,3})(?P<free>\+freethreaded)?"
    r"-linux-(?P<machine>[a-z0-9_]+)-gnu"
)
ARCHIVE = re.compile(r"[0-9a-f]{9}-[A-Za-z0-9][A-Za-z0-9._+%-]{0,180}")
"""What uv calls an archive that it keeps."""


class BundledPython:
    """*folder* is one that is gone with this process."""

    def __init__(self, file: BundleFile, member: BundledFile, folder: Path, disk: Disk) -> None:
        """Raises VerificationFailed for one that uv could not be told of."""
        found = _KEY.fullmatch(member.name)
        archive = urlsplit(member.urls[0] if member.urls else "").path.rpartition("/")[2]
        if found is None or not ARCHIVE.fullmatch(archive):
            raise VerificationFailed(f"`{member.path}` in the bundle is no Python that uv knows how to name")
        self.key = member.name
        self.version = "{major}.{minor}.{patch}".format(**found.groupdict())
        self._parts = found
        self._archive = archive
        self._file = file
        self._member = member
        self._folder = folder
        self._disk = disk

    def suits(self, key: str) -> bool:
        """Whether it is what uv calls *key*, in which the version may be a part of one: `3.11`."""
        version, dash, rest = key.removeprefix("cpython-").partition("-")
        asked, _, variant = version.partition("+")
        own = self._parts["free"] or ""
        same = f"+{variant}" == own if variant else not own
        return same and f"{self.version}.".startswith(f"{asked}.") and self.key.endswith(f"{dash}{rest}")

    def is_listed(self, listed: bytes) -> bool:
        """Whether uv's own list of it, *listed*, has this archive: then its hash counts, not the bundle's."""
        name = self._archive.partition("-")[2]
        return any(str(one.get("url", "")).rpartition("/")[2] == name for one in json.loads(listed or b"[]"))

    def settings(self, listed: bytes) -> dict[str, str]:
        """The variables by which uv finds the archive, which is unpacked here now. *listed* is uv's own list of it.

        Raises VerificationFailed where the archive is damaged.
        """
        self._lay_down()
        if self.is_listed(listed):
            return {"UV_OFFLINE": "1", "UV_PYTHON_CACHE_DIR": str(self._folder)}
        path = self._folder / "list.json"
        with disk_errors(path):
            self._disk.replace_file(path, json.dumps({self.key: self._entry()}).encode(), synced=False)
        return {"UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS_JSON_URL": str(path)}

    def _lay_down(self) -> None:
        path = self._folder / self._archive
        with disk_errors(path):
            self._disk.make_directories(self._folder, synced=False)
            self._disk.discard(path)
            with self._disk.create(path) as file:
                for piece in self._file.verified(self._member):
                    file.write(piece)

    def _entry(self) -> dict[str, object]:
        parts = self._parts
        return {
            "name": "cpython",
            "arch": {"family": parts["machine"], "variant": None},
            "os": "linux",
            "libc": "gnu",
            "major": int(parts["major"]),
            "minor": int(parts["minor"]),
            "patch": int(parts["patch"]),
            "prerelease": "",
            "url": (self._folder / self._archive).as_uri(),
            "sha256": self._member.sha256,
            "variant": "freethreaded" if parts["free"] else None,
            "build": "",
        }
