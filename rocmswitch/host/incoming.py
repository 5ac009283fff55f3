"""The files of the user's that are to go somewhere: the named ones, and every one below a named folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from rocmswitch.errors import NotFound, Refused
from rocmswitch.metadata.elf import parse_elf
from rocmswitch.metadata.elfextent import flaw_of
from rocmswitch.planning.placing import Incoming, is_library
from rocmswitch.system.disk import disk_errors
from rocmswitch.system.folder import seen_of
from rocmswitch.system.reading import open_regular


def read_incoming(words: Sequence[str], goes_as: str = "") -> tuple[Incoming, ...]:
    """What the *words* of a command line name, in their order, read as far as their headers.

    *goes_as* is what `--as` says: the path of one file; of several, or of a folder, the folder that they go to,
    each by its path below the folder that was named. Without it each must be a shared library. A symlink that is
    named is followed; those in a folder are passed over, because they are other names of files that count
    themselves. Raises NotFound, Refused for what is no file or no library, MachineLacks.
    """
    found = [one for word in words for one in _named(word, goes_as, several=len(words) > 1)]
    return tuple(_read(path, name) for path, name in found)


def _named(word: str, goes_as: str, *, several: bool) -> list[tuple[Path, str]]:
    """Files, each with the path that it goes to; empty where its soname decides."""
    path = Path(word).expanduser().absolute()
    if not path.exists():
        raise NotFound(f"there is no `{word}`")
    if not path.is_dir():
        return [(path, f"{goes_as}/{path.name}" if goes_as and (several or goes_as.endswith("/")) else goes_as)]
    with disk_errors(path):
        found = [(one, _below(goes_as, one.relative_to(path))) for one in sorted(_files(path))]
    if not found:
        raise NotFound(f"`{word}` holds no file")
    return found


def _below(goes_as: str, path: Path) -> str:
    return str(PurePosixPath(goes_as) / path.as_posix()) if goes_as else ""


def _files(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _read(path: Path, goes_as: str) -> Incoming:
    real = Path(os.path.realpath(path))
    if not stat.S_ISREG(real.stat().st_mode):
        raise Refused(f"`{path}` is no regular file")
    with disk_errors(real), open_regular(real, buffered=True) as file:
        seen = seen_of(os.fstat(file.fileno()))
        flaw, damaged = flaw_of(file)
        facts = None if damaged else parse_elf(file)
    if not flaw and not is_library(facts):
        flaw = "it is a program" if facts and facts.interpreter else "it is code for a GPU"
    if flaw and (damaged or not goes_as):
        raise Refused(
            f"`{path}` is not a shared library: {flaw}",
            hint=None if damaged else "run the same command with `--as` and the path of the file that it replaces",
        )
    return Incoming(str(real), seen.size, facts, goes_as, flaw, damaged, seen)
