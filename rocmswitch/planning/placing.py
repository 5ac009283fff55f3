"""A library that is to go somewhere, the path that it goes to, and what lies around: values, nothing judged yet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from rocmswitch.metadata.elf import ElfFacts
from rocmswitch.model.deployment import ABSENT, Seen
from rocmswitch.planning.loader import Files, Search

_GPU_CODE = "EM_AMDGPU"
"""The machine of kernels (`.co`, `.hsaco`): ELF files that the loader never sees."""

_NAME = re.compile(r"(?P<stem>.+?)(-[0-9a-f]{8})?\.so(\.(?P<version>[0-9][0-9.]*))?")
"""With the hash that auditwheel puts into the names of what a wheel carries."""


@dataclass(frozen=True)
class Incoming:
    """A file of the user's that is to go somewhere. `path` is absolute and without symlinks."""

    path: str
    size: int
    facts: ElfFacts | None = None
    goes_as: str = ""
    """What `--as` says, below the folder of packages; empty where its soname decides."""
    flaw: str = ""
    """Why it is no shared library: `it is a program`; empty for one."""
    is_damaged: bool = False
    """It would be an ELF file if it were whole."""
    seen: Seen = Seen()
    """The file, before it was read."""

    @property
    def soname(self) -> str:
        """What the loader knows it by: without a DT_SONAME, the name of its file."""
        return (self.facts.soname if self.facts else "") or PurePosixPath(self.path).name


@dataclass(frozen=True)
class Target:
    """A path of an environment, `path` below `root`, neither with a symlink in it, and what is there."""

    root: str
    path: str
    seen: Seen = Seen()
    facts: ElfFacts | None = None
    names: frozenset[str] = frozenset()
    """Its file name, and the names of the symlinks beside it that lead to it."""
    holds_the_same: bool = False
    """Byte for byte what is to go there."""

    @property
    def whole(self) -> str:
        return f"{self.root}/{self.path}"

    @property
    def file(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def is_new(self) -> bool:
        """Whether nothing is there yet."""
        return self.seen.kind == ABSENT

    @property
    def soname(self) -> str:
        return (self.facts.soname if self.facts else "") or self.file


@dataclass(frozen=True)
class Placing:
    """One file, and the path that it is to go to."""

    incoming: Incoming
    target: Target


@dataclass(frozen=True)
class Neighbour:
    """A library of the environment that is loaded together with what is deployed. `path` has no symlink in it."""

    path: str
    names: frozenset[str]
    """What the loader has it by once it is loaded: its file's name, those of symlinks to it, its soname."""
    facts: ElfFacts


@dataclass(frozen=True)
class Ground:
    """What an environment and the machine have for a library that is put there."""

    machine: str
    """elf.h's name of the processor: `EM_X86_64`."""
    glibc: str
    """`2.36`; empty where there is none."""
    files: Files
    search: Search
    neighbours: tuple[Neighbour, ...] = ()
    roots: tuple[str, ...] = ()
    """The environment, and the prefix that it is bound to, as real paths."""
    python: str = ""
    """The real path of its interpreter, whose DT_RPATH all that it loads inherits."""

    def with_new(self, placings: Sequence[Placing]) -> Ground:
        """As it will be when *placings* are carried out."""
        new = {one.target.whole: one for one in placings if one.incoming.facts}
        files = Files(
            lambda path: path if path in new else self.files.real(path),
            lambda path: new[path].incoming.facts if path in new else self.files.facts(path),
        )
        kept = (one for one in self.neighbours if one.path not in new)
        return replace(self, files=files, neighbours=(*kept, *(_as_neighbour(one) for one in new.values())))


def is_library(facts: ElfFacts | None) -> bool:
    """Whether the loader would take it for a program that asks for it.

    A position-independent program is ET_DYN too: it names an interpreter, and has no soname (libc has both).
    """
    if facts is None or facts.type != "ET_DYN" or facts.machine == _GPU_CODE:
        return False
    return bool(facts.soname) or not facts.interpreter


def looks_like_library(path: str) -> bool:
    """By its name alone: `libX.so`, `libX.so.1`, `_C.cpython-312-x86_64-linux-gnu.so`."""
    return _NAME.fullmatch(PurePosixPath(path).name) is not None


def stem(soname: str) -> str:
    """What stays of a library's name from release to release: `libMIOpen`, also of `libMIOpen-1a2b3c4d.so.1`."""
    match = _NAME.fullmatch(soname)
    return match["stem"] if match else soname


def major(soname: str) -> str:
    """The first number after `.so.`: the version of its interface; empty where it has none."""
    match = _NAME.fullmatch(soname)
    return (match["version"] or "").partition(".")[0] if match else ""


def _as_neighbour(placing: Placing) -> Neighbour:
    target, facts = placing.target, placing.incoming.facts
    assert facts is not None
    return Neighbour(target.whole, target.names | {target.file, *filter(None, [facts.soname])}, facts)
