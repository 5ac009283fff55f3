"""Folders of another ROCm that ld.so.conf tells the loader of every program to look in."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import replace

from rocmswitch.host.foreign import INSTALLED, LIBRARIES
from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import Owner
from rocmswitch.model.machine import LoaderFolder

_CONF = "etc/ld.so.conf"
_DEEP = 8
"""Files that include files: ldconfig itself knows no limit, and a circle has no end."""
_SYSTEMS = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
"""Where a distribution's own ROCm lies: what its packages put there is no other one."""


def read_loader_folders(files: SystemRoot) -> tuple[LoaderFolder, ...]:
    """In the order of ld.so.conf. Raises nothing. Packages are asked only where there is something to ask about."""
    said = list(_lines(files, _CONF, 0))
    found = [one for one in said if _is_foreign(files, one.folder)]
    if not found:
        return ()
    owners = PackageFiles(files).owners(one.file.lstrip("/") for one in found)
    mixed = {f"/{_CONF}", *(one.file for one in said if one not in found)}
    return tuple(_judged(one, owners[one.file.lstrip("/")], mixed) for one in found)


def _judged(one: LoaderFolder, owner: Owner | None, mixed: set[str]) -> LoaderFolder:
    return replace(one, package=owner.package if owner else "", is_alone=owner is None and one.file not in mixed)


def _lines(files: SystemRoot, path: str, depth: int) -> Iterator[LoaderFolder]:
    for number, line in enumerate(files.text(path).split("\n"), 1):
        told = line.partition("#")[0].strip()
        words = told.split()
        if words[:1] == ["include"] and depth < _DEEP:
            for pattern in words[1:]:
                for included in _matching(files, pattern):
                    yield from _lines(files, included, depth + 1)
        elif told.startswith("/"):
            # A name may have blanks; behind `=` stood the C library, long ago.
            yield LoaderFolder(f"/{path}", number, told.partition("=")[0].rstrip("/ "))


def _matching(files: SystemRoot, pattern: str) -> list[str]:
    """ldconfig takes a relative one from the folder of ld.so.conf; only the name may have wildcards here."""
    whole = pattern if pattern.startswith("/") else f"/etc/{pattern}"
    folder, _, names = whole.lstrip("/").rpartition("/")
    return [f"{folder}/{one}" for one in files.names(folder) if fnmatch.fnmatchcase(one, names)]


def _is_foreign(files: SystemRoot, folder: str) -> bool:
    if folder.startswith(INSTALLED):
        return True
    if folder.startswith(_SYSTEMS) and "rocm" not in folder:
        return False
    return any(one.startswith(LIBRARIES) for one in files.names(folder))
