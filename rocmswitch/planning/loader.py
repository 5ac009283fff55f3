"""Where the dynamic loader takes a library from: the search of ld.so(8), over facts that are handed in.

`Files.real` gives a file's real path, or nothing where there is none; `Files.facts` what its ELF headers say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from rocmswitch.metadata.elf import ElfFacts

_DEFAULT_FOLDERS = (
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
)
_CACHE_LINE = re.compile(r"\s+(\S+) \(([^()]*)\) => (/.*)")
_PRELOAD_SEPARATOR = re.compile(r"[: ]+")


@dataclass(frozen=True)
class Files:
    """The disk, as far as the loader looks at it."""

    real: Callable[[str], str]
    facts: Callable[[str], ElfFacts | None]


@dataclass(frozen=True)
class Search:
    """What decides besides the files themselves. Folders in the loader's order; empty entries are left out."""

    library_path: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    cache: Mapping[str, str] = field(default_factory=dict)
    """Soname to path: /etc/ld.so.cache."""
    folders: tuple[str, ...] = _DEFAULT_FOLDERS

    @classmethod
    def of(cls, environment: Mapping[str, str], cache: Mapping[str, str] | None = None) -> Search:
        """The search of a program that is started with *environment*."""
        path = re.split("[:;]", environment.get("LD_LIBRARY_PATH", ""))
        preload = _PRELOAD_SEPARATOR.split(environment.get("LD_PRELOAD", ""))
        return cls(tuple(filter(None, path)), tuple(filter(None, preload)), cache or {})


@dataclass(frozen=True)
class Origin:
    """A library, and what led the loader to it."""

    path: str
    why: str
    """`DT_RUNPATH of /x/libtorch_hip.so`, `LD_LIBRARY_PATH`, `the loader's cache`."""


def find(name: str, askers: Sequence[str], search: Search, files: Files) -> Origin | None:
    """Where *name* comes from for a file that needs it; None where it would not be found.

    *askers* begin with that file; after it come who asked for that one, and so on: their DT_RPATH counts too.
    """
    if "/" in name:
        real = files.real(name)
        return Origin(real, f"its own path, asked for by {askers[0]}") if real else None
    for folder, why in _folders(askers, search, files):
        real = files.real(f"{folder}/{name}")
        if real:
            return Origin(real, why)
    cached = files.real(search.cache[name]) if name in search.cache else ""
    if cached:
        return Origin(cached, "the loader's cache (/etc/ld.so.cache)")
    defaults = (files.real(f"{folder}/{name}") for folder in search.folders)
    real = next(filter(None, defaults), "")
    return Origin(real, "the loader's default folders") if real else None


def _folders(askers: Sequence[str], search: Search, files: Files) -> Iterator[tuple[str, str]]:
    """Each folder that is searched before the cache, and what names it.

    DT_RPATH counts only where the file that needs the library has no DT_RUNPATH, and is inherited;
    DT_RUNPATH comes after LD_LIBRARY_PATH and is not (ld.so(8), Description).
    """
    own = files.facts(askers[0])
    if not (own and own.runpath):
        for asker in askers:
            facts = files.facts(asker)
            if facts and not facts.runpath:
                yield from ((folder, f"DT_RPATH of {asker}") for folder in _expand(facts.rpath, asker))
    yield from ((folder, "LD_LIBRARY_PATH") for folder in search.library_path)
    if own:
        yield from ((folder, f"DT_RUNPATH of {askers[0]}") for folder in _expand(own.runpath, askers[0]))


def _expand(paths: str, file: str) -> list[str]:
    """The folders of a search path, with $ORIGIN as the folder of the *file* that states it."""
    origin = str(PurePosixPath(file).parent)
    expanded = re.sub(r"\$(ORIGIN\b|\{ORIGIN\})", lambda _: origin, paths)
    expanded = re.sub(r"\$(LIB\b|\{LIB\})", "lib/x86_64-linux-gnu", expanded)
    return [folder for folder in expanded.split(":") if folder]


def parse_cache(listing: str) -> dict[str, str]:
    """What `ldconfig -p` prints, soname to path; the first of several counts, and 64-bit libraries alone."""
    found: dict[str, str] = {}
    for line in listing.splitlines():
        match = _CACHE_LINE.fullmatch(line)
        if match and "64" in match[2].partition(",")[2]:
            found.setdefault(match[1], match[3])
    return found
