"""Which copies of what a system's kernels load are let go of, and which stay.

What recover.sh has put away is a way back like a snapshot; a boot image from before is one only as long as the one
that was made since is not right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rocmswitch.model.finding import NOTE
from rocmswitch.model.kernel import System
from rocmswitch.model.snapshot import DOUBTFUL, Snapshot, SnapshotFile
from rocmswitch.planning.backup import Lost
from rocmswitch.planning.modules import kernel_faults

SNAPSHOT, QUARANTINE, IMAGE = "snapshot", "quarantine", "boot image"
BEFORE = ".before"
"""Behind the name of a boot image that was made anew since."""
_IMAGES = ("boot/", "efi/")
_INDEX = "/modules.dep"
"""What is in a snapshot and can be made anew: boot images, and the index."""
_SOURCES = "usr/src/"

Files = frozenset[tuple[str, str]]
"""Paths with the hash of each."""


@dataclass(frozen=True)
class Quarantine:
    """What one run of recover.sh has put away: `files` with their SHA-256 and sizes."""

    number: int
    files: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Copies:
    """All that lies by, the newest first."""

    snapshots: tuple[Snapshot, ...] = ()
    unusable: tuple[tuple[int, str], ...] = ()
    """Snapshots of which nothing can be taken, and why."""
    quarantines: tuple[Quarantine, ...] = ()
    images: tuple[str, ...] = ()
    """Names of boot images from before, `NAME.before`."""
    damaged: frozenset[tuple[int, str]] = frozenset()
    """Numbers of snapshots, with the paths of modules whose copy in there is not what was copied."""


@dataclass(frozen=True)
class Copy:
    """One of them. `kept` says why it stays, and is empty for what is let go of; `lost` is what goes with it."""

    kind: str
    name: str
    """Its number, or the name of the file."""
    about: str = ""
    kept: str = ""
    lost: tuple[Lost, ...] = ()


def plan_copies(
    copies: Copies, system: System, elsewhere: Collection[str] = (), *, everything: bool = False
) -> tuple[Copy, ...]:
    """What becomes of each. *elsewhere* are hashes of what is saved in another place, too.

    Always stay the newest of each kind, the snapshot that a recovery takes from first, and, while something is
    wrong with a kernel, all that has another copy of its modules. Without *everything*, whatever alone has a copy
    of a module of an installed kernel, or may have one, stays.
    """
    kept = dict(_kept(copies, _watched(system, everything=everything)))
    staying = [one for one in copies.snapshots if one.number in kept]
    known = {*elsewhere, *_standing(system), *(file.state.sha256 for one in staying for file in one.files)}
    return (
        *(_snapshot(one, kept.get(one.number, ""), known) for one in copies.snapshots),
        *(_unusable(*one, everything=everything) for one in copies.unusable),
        *_quarantines(copies.quarantines, known, everything=everything),
        *(Copy(IMAGE, name, "from before it was made anew", _needs(system, name)) for name in copies.images),
    )


def _watched(system: System, *, everything: bool) -> frozenset[str]:
    """The kernels of which no copy of a module may be lost."""
    return frozenset(one.release for one in system.kernels if not everything or _is_ill(system, one.release))


def _is_ill(system: System, release: str) -> bool:
    kernels = [one for one in system.kernels if one.release == release]
    return any(fault.severity != NOTE for one in kernels for fault in kernel_faults(system, one))


def _kept(copies: Copies, watched: Collection[str]) -> Iterator[tuple[int, str]]:
    """The numbers of the snapshots that stay, each with the reason."""
    newest = copies.snapshots[:1]
    yield from ((one.number, "it is the newest") for one in newest)
    sources = [one for one in copies.snapshots if one.why not in DOUBTFUL]
    held: set[tuple[str, str]] = set()
    for one in sources:
        alone = _modules(one, copies, watched) - held
        held |= alone
        if one in newest:
            continue
        if one is sources[0]:
            yield one.number, "it is the one that `rocmswitch recover` takes from first"
        elif alone:
            yield one.number, f"it alone has `/{min(alone)[0]}` as it was then"


def _modules(one: Snapshot, copies: Copies, watched: Collection[str]) -> Files:
    return frozenset(
        (file.path, file.state.sha256)
        for file in one.files
        if file.kernel in watched and (one.number, file.path) not in copies.damaged
    )


def _standing(system: System) -> set[str]:
    return {file.contents.sha256 for kernel in system.kernels for file in kernel.modules}


def _snapshot(one: Snapshot, kept: str, known: Collection[str]) -> Copy:
    lost = [file for file in one.files if file.state.sha256 not in known and not _is_made_anew(file)]
    about = f"{one.why}, {one.created[:10]}"
    return Copy(SNAPSHOT, str(one.number), about, kept, () if kept else tuple(_losses(lost)))


def _is_made_anew(file: SnapshotFile) -> bool:
    return file.path.startswith(_IMAGES) or file.path.endswith(_INDEX)


def _losses(files: Iterable[SnapshotFile]) -> Iterator[Lost]:
    """Each with a line of its own, but for the sources of DKMS, which are many: a line for each folder."""
    sources: dict[str, list[int]] = {}
    for file in files:
        if file.path.startswith(_SOURCES):
            sources.setdefault("/".join(file.path.split("/")[:3]), []).append(file.state.size)
        else:
            yield Lost(f"`/{file.path}` as it was then", file.state.size)
    for folder, sizes in sources.items():
        yield Lost(f"{len(sizes)} of the files of `/{folder}` as they were then", sum(sizes))


def _unusable(number: int, why: str, *, everything: bool) -> Copy:
    lost = (Lost("whatever it holds: nothing here can use it"),)
    kept = "" if everything else f"what it holds cannot be told ({why}), and `--all` lets it go"
    return Copy(SNAPSHOT, str(number), "damaged", kept, () if kept else lost)


def _quarantines(found: Sequence[Quarantine], known: Collection[str], *, everything: bool) -> Iterator[Copy]:
    for at, one in enumerate(found):
        kept = "it is the newest" if at == 0 else "" if everything else "`--all` lets it go"
        lost = (
            Lost(f"`/{path}` as recover.sh found it", size) for path, sha, size in one.files if sha not in known
        )
        yield Copy(QUARANTINE, str(one.number), "put away by recover.sh", kept, () if kept else tuple(lost))


def _needs(system: System, name: str) -> str:
    """Why the boot image *name* from before is still needed."""
    now = name.removesuffix(BEFORE)
    for kernel in system.kernels:
        if any(one.path.rpartition("/")[2] == now for one in kernel.images) and _is_ill(system, kernel.release):
            return f"something is wrong with kernel {kernel.release}"
        if kernel.release in now and not kernel.images:
            return f"kernel {kernel.release} has no boot image"
    return ""
