"""A tree's clang told what its programs need, for whoever runs it without hipcc: CMake's language HIP, say.

A clang from 16 on reads a file of settings beside it, named after what it compiles for, so code for cards goes
without (clang.llvm.org/docs/UsersManual, "Configuration files"). An older one gets a script that runs it. Both name
the prefix by its published name, as hipcc is told too: what was linked outlives the tree behind that name.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.planning.activation import PLACEHOLDER, CarriedLoader, compiler_flags
from rocmswitch.planning.cmake import TOLD
from rocmswitch.store.madefile import MadeFile, make_file
from rocmswitch.system.disk import Disk

REASON = "what compilers of this tree are told"
_CLANG = re.compile(r"(?P<folder>.+/bin)/clang-(?P<version>\d+)")
_READS_SETTINGS = 16
"""The first clang that reads a file without the name of a machine in its own name (its release notes)."""
_VENDORS = ("pc", "unknown")
"""Debian's clang calls the machine by the one, AMD's by the other, and so does any that is told `--target`."""


@dataclass(frozen=True)
class Prefix:
    """What programs are made for: the tree's published place, its ROCm tree, and what its programs start by."""

    published: Path
    root: str
    carried: CarriedLoader = CarriedLoader()


def tell_compilers(tree: Path, entries: Iterable[FileEntry], prefix: Prefix, disk: Disk) -> tuple[FileEntry, ...]:
    """*entries* with what the compilers of *tree* read; written anew where it was made for another prefix.

    Nothing takes the place of what a package brought. Raises OSError.
    """
    known = {one.path: one for one in entries if one.reason != REASON}
    flags = _flags([PurePath(one.path) for one in known.values() if one.kind != "directory"], prefix)
    wanted = [made for clang in _clangs(known, prefix.root) for made in _files(clang, flags, prefix)]
    for made in wanted if flags else ():
        if made.path not in known:
            known |= {one.path: one for one in make_file(tree, made, known, disk)}
    return tuple(sorted(known.values(), key=lambda one: one.path))


def _flags(paths: Sequence[PurePath], prefix: Prefix) -> list[str]:
    """None where clang finds out by itself all there is to know: it names `ROOT/lib` to what it links with HIP."""
    compiling, linking = compiler_flags(paths, prefix.carried)
    flags = list(dict.fromkeys((*compiling, *linking)))
    return [] if flags == [f"-Wl,-rpath,{PLACEHOLDER}/{prefix.root}/lib"] else flags


def _clangs(paths: Collection[str], root: str) -> Iterator[re.Match[str]]:
    """Those beside their clang++: what Debian has in /usr/bin are links to them, with other names."""
    for path in paths:
        clang = _CLANG.fullmatch(path)
        if clang and path.startswith(f"{root}/") and f"{clang['folder']}/clang++" in paths:
            yield clang


def _files(clang: re.Match[str], flags: Iterable[str], prefix: Prefix) -> Iterator[MadeFile]:
    """What the folder of *clang* is to hold, or the one beside it."""
    place = str(prefix.published)
    told = [word.replace(PLACEHOLDER, place) for flag in flags for word in _words(flag, place)]
    if int(clang["version"]) < _READS_SETTINGS:
        script = _script(f"{prefix.published}/{clang['folder']}/clang++", told)
        yield MadeFile(f"{posixpath.dirname(clang['folder'])}/{TOLD}/clang++", script, REASON, 0o755)
        return
    settings = "".join(f"{_quoted(word)}\n" for word in told)
    for vendor in _VENDORS:
        yield MadeFile(f"{clang['folder']}/x86_64-{vendor}-linux-gnu.cfg", settings, REASON)


def _words(flag: str, place: str) -> list[str]:
    """`-idirafter FOLDER` is two; what `-Wl,` has for the linker ends at each comma, so one in *place* must not."""
    if flag.startswith("-idirafter "):
        return flag.split(" ", 1)
    if "," in place and flag.startswith("-Wl,"):
        return [word for one in flag.split(",")[1:] for word in ("-Xlinker", one)]
    return [flag]


def _script(program: str, words: Iterable[str]) -> str:
    """clang says what it did not need of what it was told, unless it is told not to."""
    told = ("--start-no-unused-arguments", *words, "--end-no-unused-arguments")
    return f'#!/bin/sh\nexec {shlex.join((program, *told))} "$@"\n'


def _quoted(word: str) -> str:
    """A word of settings: it ends at a blank, and a backslash keeps what follows it."""
    return re.sub(r"([\\\s\"'])", r"\\\1", word)
