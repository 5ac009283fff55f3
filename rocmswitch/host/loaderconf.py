"""The folders that ld.so.conf(5), and the files that it includes, tell the loader of every program to look in."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.machine import LoaderFolder

CONF = "etc/ld.so.conf"
_DEEP = 8
"""Files that include files: ldconfig itself knows no limit, and a circle has no end."""


def read_loader_lines(files: SystemRoot) -> Iterator[LoaderFolder]:
    """Each folder with its place, in their order. Raises nothing: what cannot be read says nothing."""
    return _lines(files, CONF, 0)


def _lines(files: SystemRoot, path: str, depth: int) -> Iterator[LoaderFolder]:
    for number, line in enumerate(files.text(path).split("\n"), 1):
        told = line.partition("#")[0].strip()
        words = told.split()
        if words[:1] == ["include"] and depth < _DEEP:
            for included in (one for pattern in words[1:] for one in _matching(files, pattern)):
                yield from _lines(files, included, depth + 1)
        elif told.startswith("/") and "\0" not in told:
            # A name may have blanks; behind `=` stood the C library, long ago.
            yield LoaderFolder(f"/{path}", number, told.partition("=")[0].rstrip("/ "))


def _matching(files: SystemRoot, pattern: str) -> list[str]:
    """ldconfig takes a relative one from the folder of ld.so.conf; only the name may have wildcards here."""
    whole = pattern if pattern.startswith("/") else f"/etc/{pattern}"
    folder, _, names = whole.lstrip("/").rpartition("/")
    return [f"{folder}/{one}" for one in files.names(folder) if fnmatch.fnmatchcase(one, names)]
