"""Whose a file is according to pacman, read from its own files."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.pacmandb import parse_desc, parse_mtree
from rocmswitch.model.kernel import Owner

FOLDER = "var/lib/pacman/local"
_LIMIT = 64 * 1024 * 1024
"""Bytes of one of its files, unpacked. That of linux-firmware has 1 MB, the headers of a kernel 3."""


@dataclass(frozen=True)
class _Package:
    folder: str
    name: str
    version: str
    paths: frozenset[str]


class PacmanFiles:
    """The packages of one system. Paths are as packages spell them, without a leading slash."""

    kind = "pacman"

    def __init__(self, files: SystemRoot) -> None:
        self._files = files
        self._sums: dict[str, Mapping[str, str]] = {}

    @cached_property
    def versions(self) -> Mapping[str, str]:
        return {one.name: one.version for one in self._packages}

    def broken(self) -> tuple[str, ...]:
        """None: pacman knows no package that is half installed."""
        return ()

    def claims(self, paths: Iterable[str]) -> dict[str, Owner]:
        """The package of each of *paths* that has one, be the file there or not."""
        wanted = frozenset(paths)
        return {path: self._owner(one, path) for one in self._packages for path in wanted & one.paths}

    def claims_below(self, folder: str) -> dict[str, Owner]:
        """What packages have below *folder*."""
        below = ((one, path) for one in self._packages for path in one.paths if path.startswith(f"{folder}/"))
        return {path: self._owner(one, path) for one, path in below}

    @cached_property
    def _packages(self) -> tuple[_Package, ...]:
        found = (self._package(f"{FOLDER}/{name}") for name in self._files.names(FOLDER))
        return tuple(one for one in found if one is not None)

    def _package(self, folder: str) -> _Package | None:
        if not self._files.is_folder(folder):
            return None
        desc = parse_desc(self._files.read(f"{folder}/desc", _LIMIT) or b"")
        listed = parse_desc(self._files.read(f"{folder}/files", _LIMIT) or b"").get("FILES", ())
        if not desc.get("NAME") or not desc.get("VERSION"):
            return None
        paths = frozenset(path for path in listed if not path.endswith("/"))
        return _Package(folder, desc["NAME"][0], desc["VERSION"][0], paths)

    def _owner(self, one: _Package, path: str) -> Owner:
        if one.folder not in self._sums:
            self._sums[one.folder] = parse_mtree(self._unpacked(f"{one.folder}/mtree"))
        stated = self._sums[one.folder].get(path, "")
        return Owner(one.name, one.version, "sha256" if stated else "", stated)

    def _unpacked(self, path: str) -> bytes:
        try:
            with self._files.open(path) as packed, gzip.open(packed) as file:
                return file.read(_LIMIT)
        except (OSError, EOFError, zlib.error) as error:
            self._files.note(path, str(getattr(error, "strerror", None) or error))
            return b""
