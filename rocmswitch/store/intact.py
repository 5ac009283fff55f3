"""Whether an environment still holds what fits its stack: what `uv sync`, conda and hands can change.

pip and an entered uv keep the versions (`store/protection.py`); others ask nobody. What they leave behind shows
in the names of `*.dist-info` folders and in two small files, which takes a millisecond to read; a thorough look
compares the RECORD of each distribution and the sizes of its libraries too, and still hashes no gigabytes.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import Receipt
from rocmswitch.store.receipts import read_files, read_receipt

_EXACT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;,]+)")
_INFORMATION = re.compile(r"(?P<name>[^/]+)-(?P<version>[^/-]+)\.dist-info")
_LIBRARY = re.compile(r"[^/]+\.so(\.[0-9.]+)?")
_CONSTRAINTS, _CONFIGURATION = "constraints.txt", "pip.conf"


@dataclass(frozen=True)
class Change:
    """One thing that is not as the environment was made.

    `what` is `missing` or `version` of the distribution `subject`, `content` of a file, or `unprotected`: then
    `subject` is the file that no longer keeps the versions.
    """

    what: str
    subject: str
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        if self.what == "missing":
            return f"`{self.subject}` {self.expected} is no longer there"
        if self.what == "version":
            return f"`{self.subject}` is {self.found}, not {self.expected}"
        if self.what == "unprotected":
            return f"`{self.subject}` no longer says what has to stay"
        return f"`{self.subject}` is not the file that was installed"


def changes(tree: Path, *, thorough: bool = False, deployed: Collection[str] = ()) -> tuple[Change, ...]:
    """What differs in the environment *tree*, which may be its published link, from the pins of its receipt.

    *deployed* are paths below it where other files were put on purpose. Raises VerificationFailed and Failed where
    the receipt, or with *thorough* the list of files, cannot be read.
    """
    receipt = read_receipt(tree)
    if receipt.kind != "venv" or not receipt.pins:
        return ()
    found = [*_of_versions(tree, receipt), *_of_protection(tree, receipt)]
    if thorough:
        named = {change.subject for change in found}
        pinned = {name for name, _ in _exact(receipt.pins)} - named
        found += _of_ranges(tree, receipt)
        entries = (entry for entry in read_files(tree) if entry.path not in deployed)
        found += _of_files(tree, entries, pinned)
    return tuple(found)


def _exact(pins: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The pins that name one version, as normalised name and version; `numpy<2` is none of them."""
    for pin in pins:
        match = _EXACT.fullmatch(pin)
        if match:
            yield _normal(match["name"]), match["version"]


def _of_versions(tree: Path, receipt: Receipt) -> Iterator[Change]:
    there = _distributions(tree)
    for name, version in _exact(receipt.pins):
        if name not in _were_there(receipt):
            continue  # torchaudio, say: it may be kept at a version without having been installed
        found = there.get(name, [])
        others = sorted(one for one in found if one != version)
        if others:
            yield Change("version", name, version, ", ".join(others))
        elif not found:
            yield Change("missing", name, version)


def _of_ranges(tree: Path, receipt: Receipt) -> Iterator[Change]:
    """Pins that allow several versions: `numpy<2`."""
    from packaging.requirements import Requirement  # as long to import as a quick look takes

    there = _distributions(tree)
    for requirement in (Requirement(pin) for pin in receipt.pins if not _EXACT.fullmatch(pin)):
        found = there.get(_normal(requirement.name), [])
        wrong = [one for one in found if not requirement.specifier.contains(one, prereleases=True)]
        if wrong:
            yield Change("version", _normal(requirement.name), str(requirement.specifier), ", ".join(sorted(wrong)))


def _were_there(receipt: Receipt) -> set[str]:
    return {_normal(package.name) for package in receipt.packages}


def _distributions(tree: Path) -> Mapping[str, list[str]]:
    """Versions by name. Two of one name are what is left where somebody removed half of one."""
    there: dict[str, list[str]] = {}
    for site in tree.glob("lib/python3*/site-packages"):
        with os.scandir(site) as listing:
            for one in listing:
                match = _INFORMATION.fullmatch(one.name)
                if match:
                    there.setdefault(_normal(match["name"]), []).append(match["version"])
    return there


def _normal(name: str) -> str:
    """As PEP 503 compares names; packaging, which knows it too, takes longer to import than all of this."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _of_protection(tree: Path, receipt: Receipt) -> Iterator[Change]:
    if not set(receipt.pins) <= set(_lines(tree / _CONSTRAINTS)):
        yield Change("unprotected", _CONSTRAINTS)
    if not any(re.match(rf"constraint\s*[=:].*/{_CONSTRAINTS}", line) for line in _lines(tree / _CONFIGURATION)):
        yield Change("unprotected", _CONFIGURATION)


def _lines(path: Path) -> list[str]:
    """No lines where there is no such file, or no text in it."""
    try:
        return path.read_text("utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return []


def _of_files(tree: Path, entries: Iterable[FileEntry], names: Collection[str]) -> Iterator[Change]:
    for entry in entries:
        if entry.kind == "file" and _normal(entry.package) in names and not _is_the_same(tree / entry.path, entry):
            yield Change("content", entry.path)


def _is_the_same(path: Path, entry: FileEntry) -> bool:
    """As far as is quickly told: RECORD, which names the hashes of all others, by content, libraries by size."""
    try:
        if entry.path.endswith(".dist-info/RECORD"):
            return hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256
        return not _LIBRARY.fullmatch(path.name) or path.stat().st_size == entry.size
    except FileNotFoundError:
        return False
