"""A lock: the exact packages of all sets of a stack, written by a program, read and compared by people.

JSON, because every value in it is a string, a number or a list of names, and because nothing in JSON has two
meanings; one package a line and sorted, so that two locks can be compared line by line.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Literal

import msgspec

from rocmswitch.errors import ManifestMistake, VerificationFailed
from rocmswitch.metadata.ownjson import rendered
from rocmswitch.model.grammar import GPU, URL
from rocmswitch.model.package import Digest
from rocmswitch.model.source import SET_NAMES
from rocmswitch.model.strict import Struct

SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes. 200 packages take 80 kB."""


class LockedSource(Struct, frozen=True):
    """The signed index that the packages were taken from."""

    suite: str
    date: str
    """Of its Release file: ISO 8601, UTC."""
    fingerprint: str
    sha256: str
    """Of its Packages file."""
    url: str = ""
    """Empty for a distribution's archive, whose mirror is chosen on the machine."""
    snapshot: str = ""
    """A URL below which all files of that day stay available."""


class LockedPackage(Struct, frozen=True):
    """One package. Sizes are bytes; `filename` is the path below the source's URL."""

    name: str
    version: str
    architecture: str
    filename: str
    size: int
    installed_size: int
    sha256: str
    sets: tuple[str, ...]
    source: str
    """The position of its source in `sources`, and in the manifest's."""
    needs: tuple[str, ...] = ()
    """Names of those that satisfy its dependencies."""
    glibc: str = ""
    """The C library that it needs at least."""
    kernels: dict[str, int] | None = None
    """By target, the bytes of its files that are for this one alone (`gfx1010`; several parted by blanks); left out
    where nobody has looked."""


class Lock(Struct, frozen=True):
    """What was tested together. `date` is that of the first source."""

    schema: Literal[1]
    stack: str
    date: str
    sources: tuple[LockedSource, ...]
    packages: tuple[LockedPackage, ...]


def parse_lock(text: bytes, file: str) -> Lock:
    """Read a lock. Raises ManifestMistake, which names *file*, the line or key, and what is wrong there."""
    if len(text) > SIZE_LIMIT:
        raise ManifestMistake(f"{file}: a lock of more than {SIZE_LIMIT} bytes is not read")
    try:
        content = json.loads(text.decode(), object_pairs_hook=_without_duplicates)
        lock = msgspec.convert(content, Lock)
        _check(lock)
    except json.JSONDecodeError as error:
        raise ManifestMistake(f"{file}:{error.lineno}: {error.msg}") from error
    except RecursionError as error:
        raise ManifestMistake(f"{file}: it is nested too deeply") from error
    except (msgspec.ValidationError, ValueError, VerificationFailed) as error:
        raise ManifestMistake(f"{file}: {error}") from error
    return lock


def render_lock(lock: Lock) -> bytes:
    """The text of *lock*; parsing it gives the same lock again."""
    return rendered(msgspec.to_builtins(lock), "sources", "packages")


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"`{key}` is there twice")
        found[key] = value
    return found


def _check(lock: Lock) -> None:
    """Raise ValueError or VerificationFailed for what the types cannot say."""
    for source in lock.sources:
        if not all(URL.fullmatch(one) for one in (source.url, source.snapshot) if one):
            raise ValueError("a source has no http or https URL")
    names = {one.name for one in lock.packages}
    seen: set[str] = set()
    for number, package in enumerate(lock.packages):
        where = f"`packages[{number}]` (`{package.name}`)"
        Digest.sha256(package.sha256)
        if package.name in seen:
            raise ValueError(f"{where} is there twice")
        seen.add(package.name)
        if not set(package.sets) <= set(SET_NAMES) or not set(package.needs) <= names:
            raise ValueError(f"{where} names a set or a package that is not there")
        _check_sizes(package, where)
        if not package.source.isdecimal() or int(package.source) >= len(lock.sources):
            raise ValueError(f"{where} is of the source `{package.source}`, which is not there")


def _check_sizes(package: LockedPackage, where: str) -> None:
    for target, count in (package.kernels or {}).items():
        if count < 0 or not all(GPU.fullmatch(one) for one in target.split(" ")):
            raise ValueError(f"{where} has no usable bytes for `{target[:80]}`")
    if package.size < 0 or package.installed_size < 0 or not _is_pool_path(package.filename):
        raise ValueError(f"{where} has no usable size or file name")


def _is_pool_path(text: str) -> bool:
    plain = re.fullmatch(r"[A-Za-z0-9._+~:/%@=-]+", text) and str(PurePosixPath(text)) == text
    return bool(plain) and not text.startswith("/") and ".." not in PurePosixPath(text).parts
