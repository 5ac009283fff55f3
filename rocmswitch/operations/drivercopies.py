"""What lies by for the way back from a change of kernel modules: looked at, measured, and let go of.

Snapshots, what recover.sh has put away, and in /boot, which is small, boot images from before. The ledger's records
are `operations/backup`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.host.systemroot import SystemRoot, within
from rocmswitch.model.kernel import System
from rocmswitch.model.snapshot import Snapshot
from rocmswitch.operations.booting import alone
from rocmswitch.planning.drivercopies import (
    BEFORE,
    IMAGE,
    QUARANTINE,
    SNAPSHOT,
    Copies,
    Copy,
    Quarantine,
    plan_copies,
)
from rocmswitch.store.bootcopy import FOLDER
from rocmswitch.store.layout import Layout
from rocmswitch.store.ownfolders import check_own
from rocmswitch.store.snapshots import Snapshots, Unusable
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.lock import held
from rocmswitch.system.usage import Usage, usage

_MANIFEST = "manifest"
_GONE = "new"
"""The end of the hidden name that a folder gets before it is emptied: debris, as that of a snapshot is."""


@dataclass(frozen=True)
class Shelf:
    """Where it lies in one system: `root` is absolute, without a symlink in it."""

    root: Path
    snapshots: Snapshots
    disk: Disk

    @property
    def layout(self) -> Layout:
        return Layout.driver(self.root)

    @property
    def boot(self) -> Path:
        return self.root / FOLDER

    def path(self, one: Copy) -> Path:
        folders = {SNAPSHOT: self.layout.snapshots, QUARANTINE: self.layout.quarantine, IMAGE: self.boot}
        return folders[one.kind] / one.name


@dataclass(frozen=True)
class Taken:
    """What all of it takes on the disk, the ledger's records too."""

    snapshots: int
    """How many there are, a damaged one too."""
    size: int
    boot: int
    """Bytes, in /var and in /boot."""


def plan(
    shelf: Shelf, system: System, elsewhere: Collection[str] = (), *, everything: bool = False
) -> tuple[Copy, ...]:
    """What becomes of each. Changes nothing. *elsewhere* as for `plan_copies`. Raises OSError."""
    return plan_copies(_look(shelf), system, elsewhere, everything=everything)


def frees(shelf: Shelf, copies: Sequence[Copy]) -> tuple[Path, ...]:
    """The paths of what is let go of."""
    return tuple(shelf.path(one) for one in copies if not one.kept)


def execute(agreed: Sequence[Copy], shelf: Shelf, system: System, *, everything: bool, wait: float) -> None:
    """Let go of those of *agreed* that are still not needed, for good. *wait* is seconds for each lock.

    Raises Busy, MachineLacks, Refused.
    """
    layout, disk = shelf.layout, shelf.disk
    names = {(one.kind, one.name) for one in agreed if not one.kept}
    with (
        alone(shelf.root, disk, wait),
        disk_errors(layout.data),
        # recover.sh takes this one while it works.
        held(layout.locks / "changes.lock", wait=wait, what="the changes of files"),
    ):
        now = [one for one in plan(shelf, system, everything=everything) if not one.kept]
        going = [one for one in now if (one.kind, one.name) in names]
        shelf.snapshots.let_go([int(one.name) for one in going if one.kind == SNAPSHOT], wait=wait)
        _remove_folders([shelf.path(one) for one in going if one.kind == QUARANTINE], layout.quarantine, disk)
        for path in (shelf.path(one) for one in going if one.kind == IMAGE):
            check_own(path.parent, shelf.root)
            disk.remove(path)
            disk.sync_directory(path.parent)


def has_debris(shelf: Shelf) -> bool:
    """Whether an earlier run was cut off, and left what `execute` takes away."""
    return bool(shelf.snapshots.debris() or _left(shelf.layout.quarantine))


def taken(shelf: Shelf) -> Taken:
    """Raises OSError where this user may not look."""
    numbers = shelf.snapshots.numbers()
    data, boot = usage([shelf.layout.data]), usage([shelf.boot] if _is_own(shelf, FOLDER) else [])
    return Taken(len(numbers), _all_of(data), _all_of(boot))


def _all_of(found: Usage) -> int:
    return found.freed + found.shared


def _look(shelf: Shelf) -> Copies:
    found = shelf.snapshots.all()
    snapshots = tuple(one for one in found if isinstance(one, Snapshot))
    return Copies(
        snapshots,
        tuple((one.number, one.reason) for one in found if isinstance(one, Unusable)),
        tuple(_quarantines(shelf)),
        tuple(_images(shelf)),
        frozenset(_damaged(shelf, snapshots)),
    )


def _damaged(shelf: Shelf, snapshots: Sequence[Snapshot]) -> Iterator[tuple[int, str]]:
    """Only modules are read: a boot image is large, and can be made anew."""
    for one in snapshots:
        for file in one.files:
            if file.vermagic and not shelf.snapshots.is_intact(one.number, file):
                yield one.number, file.path


def _quarantines(shelf: Shelf) -> Iterator[Quarantine]:
    """The newest first; of recover.sh's list, which may be cut off, what can be read."""
    folder = shelf.layout.quarantine
    there = folder.iterdir() if folder.is_dir() else ()
    names = [path.name for path in there if path.is_dir() and not path.is_symlink()]
    for number in sorted((int(name) for name in names if name.isdecimal()), reverse=True):
        inside = SystemRoot(folder / str(number))
        # A link has no hash there, and the last line may be cut off.
        listed = [line.partition("  ") for line in inside.text(_MANIFEST).splitlines()]
        found = [(path, digest, inside.status(path)) for digest, _, path in listed if digest and path]
        yield Quarantine(number, tuple((path, digest, one.st_size) for path, digest, one in found if one))


def _images(shelf: Shelf) -> Iterator[str]:
    if _is_own(shelf, FOLDER):
        for path in sorted(shelf.boot.iterdir()) if shelf.boot.is_dir() else ():
            if path.name.endswith(BEFORE) and path.is_file() and not path.is_symlink():
                yield path.name


def _is_own(shelf: Shelf, path: str) -> bool:
    """Whether no link leads elsewhere: what lies there is not ours then."""
    try:
        return within(shelf.root, path) == path
    except OSError:
        return False


def _remove_folders(folders: Sequence[Path], above: Path, disk: Disk) -> None:
    """Each is gone at once, also where the rest is cut off; what was cut off before goes as well."""
    for folder in folders:
        disk.rename(folder, above / f".{folder.name}.{_GONE}")
    if above.is_dir():
        disk.sync_directory(above)
        for left in _left(above):
            disk.remove_tree(left)


def _left(above: Path) -> list[Path]:
    return sorted(above.glob(f".*.{_GONE}"))
