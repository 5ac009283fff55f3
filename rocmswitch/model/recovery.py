"""What is wrong with the kernel modules of a system, and what brings it back: a plan, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass

from rocmswitch.model.finding import FAULT
from rocmswitch.model.kernel import Contents

SNAPSHOT, SHADOW, ORIGINAL, PACKAGE = "snapshot", "shadow", "original", "package"
"""Kinds of sources, in the order in which they are trusted."""


@dataclass(frozen=True)
class Fault:
    """Something that is wrong, or may be, with what the next boot loads."""

    id: str
    """`ROW:SUBJECT`, as of findings."""
    what: str
    """One sentence without a full stop, literals in back-ticks."""
    evidence: str
    """What was seen: hashes, who owns it, which line of which file."""
    severity: str = FAULT
    kernel: str = ""
    path: str = ""


@dataclass(frozen=True)
class Candidate:
    """Bytes from which a module could be brought back."""

    kind: str
    """SNAPSHOT, ORIGINAL or PACKAGE."""
    kernel: str
    name: str
    path: str
    """The path below the root that it is to stand at; empty for an original, which may come from anywhere."""
    where: str
    """For people: `snapshot 3`, `/var/lib/dkms/…`, a package's file name."""
    file: str
    """Absolute: the file whose bytes are taken. For a package, the package itself."""
    contents: Contents | None
    """None for a package that is still to be opened."""
    refused: str = ""
    """Why it may not be used at all: a snapshot whose manifest does not hold. Without a full stop."""


@dataclass(frozen=True)
class Restore:
    """Put the bytes of *candidate* at *path*, under the same name and suffix."""

    kernel: str
    name: str
    path: str
    candidate: Candidate
    reason: str
    """Why this source."""
    passed_over: tuple[str, ...] = ()
    """The sources that come before it, and why they do not serve."""


@dataclass(frozen=True)
class SetAside:
    """Take *path* away, into the generation that is recorded: a shadow, a twin, a bad file."""

    path: str
    reason: str
    kernel: str = ""


@dataclass(frozen=True)
class Disable:
    """Rename a file of settings so that nothing reads it, or remove it where it is ours."""

    path: str
    reason: str
    lines: tuple[str, ...]
    is_ours: bool = False

    @property
    def needs_consent(self) -> bool:
        return not self.is_ours


@dataclass(frozen=True)
class Write:
    """Put a small file of ours at *path*: DKMS is told by one not to build a module again."""

    path: str
    text: str
    reason: str


@dataclass(frozen=True)
class Rebuild:
    """Replace files of a DKMS source by those of its package or snapshot, and build it again for *kernels*."""

    name: str
    version: str
    kernels: tuple[str, ...]
    files: tuple[tuple[str, Candidate], ...] = ()


FileAction = Restore | SetAside | Disable | Write


@dataclass(frozen=True)
class Lack:
    """What cannot be brought back here, and the exact line that does it elsewhere or otherwise."""

    what: str
    remedy: str
    path: str = ""


@dataclass(frozen=True)
class RecoveryPlan:
    """What is wrong, what is done about it in which order, and what cannot be done."""

    root: str
    faults: tuple[Fault, ...]
    files: tuple[FileAction, ...] = ()
    """One transaction: all or none."""
    rebuild: tuple[Rebuild, ...] = ()
    configure: tuple[str, ...] = ()
    """Packages that are half-configured: `dpkg --configure -a` runs their scripts."""
    index: tuple[str, ...] = ()
    """Kernels whose index is written anew by depmod, after the files."""
    images: tuple[str, ...] = ()
    """Kernels whose boot images are made anew, after the index."""
    lacks: tuple[Lack, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing is to be done."""
        return not (self.files or self.rebuild or self.configure or self.index or self.images)
