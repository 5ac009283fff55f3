"""Whose a file is according to dpkg, read from its own files: that needs neither a program nor a healthy system."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from rocmswitch.errors import VerificationFailed
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.dpkgstatus import (
    Diversion,
    PackageState,
    parse_diversions,
    parse_md5sums,
    parse_status,
)
from rocmswitch.model.kernel import Owner

FOLDER = "var/lib/dpkg"
_INFO = f"{FOLDER}/info"
_LIMIT = 64 * 1024 * 1024
"""Bytes of one of its files. The status of a large system has 8 MB, the longest list 3."""


class DpkgFiles:
    """The packages of one system. Paths are as packages spell them: `lib/…` or `usr/lib/…`, no leading slash."""

    kind = "dpkg"

    def __init__(self, files: SystemRoot) -> None:
        self._files = files

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """Of what is installed, however badly, by `NAME` and by `NAME:ARCHITECTURE`."""
        return {name: one.version for one in self._states if one.version for name in _names(one)}

    def broken(self) -> tuple[str, ...]:
        """What `dpkg --audit` calls not completely installed."""
        return tuple(sorted({one.package for one in self._states if one.is_broken}))

    def claims(self, paths: Iterable[str]) -> dict[str, Owner]:
        """The package of each of *paths* that has one, be the file there or not: one pass over all lists."""
        listed: dict[bytes, list[tuple[str, str, bool]]] = {}
        for path in paths:
            for name, package, is_only in self._names_in_lists(path):
                listed.setdefault(os.fsencode(f"/{name}"), []).append((path, package, is_only))
        found: dict[str, Owner] = {}
        for stem, content in self._lists:
            for line in listed.keys() & content.split(b"\n"):
                for path, package, is_only in listed[line]:
                    if (stem.partition(":")[0] == package) == is_only:
                        found.setdefault(path, self._owner(stem, os.fsdecode(line[1:])))
        return found

    def claims_below(self, folder: str) -> dict[str, Owner]:
        """What packages have below *folder*; its lists name folders too."""
        start = os.fsencode(f"/{folder}/")
        found: dict[str, Owner] = {}
        for stem, content in self._lists:
            if start in content:
                lines = (line for line in content.split(b"\n") if line.startswith(start))
                for path in (os.fsdecode(line[1:]) for line in lines):
                    found.setdefault(path, self._owner(stem, path))
        return found

    def _names_in_lists(self, path: str) -> Iterator[tuple[str, str, bool]]:
        """How lists call *path*, and whose list counts: only that of the package, or all but that."""
        diverted = self._diverted.get(path)
        if diverted is None:
            yield path, "", False
        elif diverted.package:
            yield path, diverted.package, True
        for one in self._diversions:
            if one.aside == path:
                yield one.path, one.package, False

    @cached_property
    def _lists(self) -> tuple[tuple[str, bytes], ...]:
        """Every list of files, which are some ten million bytes altogether; kept, for they are asked often."""
        names = [name for name in self._files.names(_INFO) if name.endswith(".list")]
        contents = ((name.removesuffix(".list"), self._files.read(f"{_INFO}/{name}", _LIMIT)) for name in names)
        return tuple((stem, content) for stem, content in contents if content)

    def _owner(self, stem: str, path: str) -> Owner:
        stated = self._md5sums(stem).get(path) or self._conffiles.get((stem.partition(":")[0], path), "")
        return Owner(stem.partition(":")[0], self.versions.get(stem, ""), "md5" if stated else "", stated)

    def _md5sums(self, stem: str) -> Mapping[str, str]:
        if stem not in self._sums:
            content = self._files.read(f"{_INFO}/{stem}.md5sums", _LIMIT)
            self._sums[stem] = parse_md5sums(content or b"")
        return self._sums[stem]

    @cached_property
    def _sums(self) -> dict[str, Mapping[str, str]]:
        return {}

    @cached_property
    def _conffiles(self) -> Mapping[tuple[str, str], str]:
        return {(one.package, path): md5 for one in self._states for path, md5 in one.conffiles}

    @cached_property
    def _diversions(self) -> tuple[Diversion, ...]:
        return parse_diversions(self._files.read(f"{FOLDER}/diversions", _LIMIT) or b"")

    @cached_property
    def _diverted(self) -> Mapping[str, Diversion]:
        return {one.path: one for one in self._diversions}

    @cached_property
    def _states(self) -> tuple[PackageState, ...]:
        """By the status, and by what was changed since: dpkg writes that to `updates/` until it ends."""
        states: dict[tuple[str, str], PackageState] = {}
        updates = (name for name in self._files.names(f"{FOLDER}/updates") if name.isdecimal())
        for name in ("status", *(f"updates/{one}" for one in updates)):
            path = f"{FOLDER}/{name}"
            try:
                for one in parse_status(self._files.read(path, _LIMIT) or b"", path):
                    states[one.package, one.architecture] = one
            except VerificationFailed as error:
                self._files.note(path, error.message)
        return tuple(states.values())


def _names(one: PackageState) -> tuple[str, str]:
    return one.package, f"{one.package}:{one.architecture}"
