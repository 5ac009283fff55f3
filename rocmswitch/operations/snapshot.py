"""A snapshot of what a change of a system's kernel modules could touch: asked for, or made before a change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from rocmswitch.errors import NotFound, Refused
from rocmswitch.host.systemroot import within
from rocmswitch.metadata.snapshot import can_be_listed
from rocmswitch.model.deployment import FILE, LINK, FileState
from rocmswitch.model.kernel import ModuleFile, System
from rocmswitch.model.snapshot import BEFORE_RECOVERY, Snapshot, SnapshotFile
from rocmswitch.planning.snapshot import Scope, snapshot_scope, vermagics
from rocmswitch.planning.space import Room, check_rooms
from rocmswitch.store.bootcopy import Small, keep_in_boot
from rocmswitch.store.rescue import rescue_script
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.folder import Folder

WAIT = 120.0
"""Seconds to wait for another snapshot: boot images are large."""
_SLACK = 4 << 20
"""Bytes for folders, the manifest and what is rounded up to blocks."""


@dataclass(frozen=True)
class Taken:
    """`snapshot` holds what stands there now; it is not new where the newest one held the same already."""

    snapshot: Snapshot
    is_new: bool
    notes: tuple[str, ...] = ()
    """What is not in it, and why: sentences without a full stop."""


@dataclass(frozen=True)
class _Found:
    files: tuple[SnapshotFile, ...]
    links: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def take(
    system: System, snapshots: Snapshots, why: str, disk: Disk, *, wait: float = WAIT, reserve: int = 0
) -> Taken:
    """Copy it all, unless the newest snapshot holds the same. Raises Busy, MachineLacks, Refused.

    *reserve* is bytes that have to be free afterwards, for what the snapshot is made before.

    The copy in /boot is of the newest that was not made before a recovery: what is wrong shall not lie there.
    """
    base, script = Path(system.root), rescue_script()
    found = _find(base, snapshot_scope(system), vermagics(system))
    newest = snapshots.newest()
    is_new = newest is None or not _is_kept(newest, found, snapshots)
    if is_new:
        _check_room(snapshots, sum(one.state.size for one in found.files), reserve)
        created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        kernels = tuple(one.release for one in system.kernels)
        newest = snapshots.write(Snapshot(0, created, why, kernels, found.files, found.links), script, wait=wait)
    assert newest is not None
    notes = found.notes
    if is_new and why != BEFORE_RECOVERY:
        notes = (*notes, *filter(None, (_boot_copy(system, snapshots, newest, script, disk),)))
    return Taken(newest, is_new, notes)


def _is_kept(newest: Snapshot, found: _Found, snapshots: Snapshots) -> bool:
    """A damaged copy is none."""
    return newest.holds_the_same(found.files, found.links) and not snapshots.damaged(newest.number)


def _boot_copy(system: System, snapshots: Snapshots, one: Snapshot, script: bytes, disk: Disk) -> str:
    if not system.boot.is_mounted:
        return "no copy in /boot, which is not mounted"
    if system.boot.is_read_only:
        return "no copy in /boot, which is mounted read-only"
    bad = {file.path for kernel in system.kernels for file in kernel.modules if _is_bad(file)}
    return keep_in_boot(snapshots, Small(one, script, bad), Path(system.root), disk)


def _is_bad(file: ModuleFile) -> bool:
    """What nobody who looks for help shall find in /boot."""
    return bool(file.fault) or (file.owner is not None and file.owner.is_intact is False)


def _find(base: Path, scope: Scope, vermagics: dict[str, str]) -> _Found:
    """Reads everything once. What is not there is passed over, and what cannot be read is noted."""
    files, links, notes = [], [], []
    with disk_errors(base):
        named = (_reached(base, path) for path in scope.files)
        for path in sorted({*named, *_below(base, scope.folders)}):
            state, note = _state(base / path)
            if note:
                notes.append(note)
            elif not can_be_listed(path):
                notes.append(f"`{path!a}` is not in the snapshot: its name has a line break or a backslash")
            elif state.kind == FILE:
                files.append(SnapshotFile(path, state, vermagics.get(path, "")))
            elif state.kind == LINK:
                links.append((path, state.target))
    return _Found(tuple(files), tuple(links), tuple(notes))


def _below(base: Path, folders: tuple[str, ...]) -> Iterator[str]:
    """All files and symlinks in *folders*, of which only the first may be a link itself."""
    for start in folders:
        for above, folders_below, names in os.walk(base / within(base, start)):
            linked = [name for name in folders_below if Path(above, name).is_symlink()]
            yield from (str(Path(above, name).relative_to(base)) for name in (*names, *linked))


def _reached(base: Path, path: str) -> str:
    """*path* without a link on the way; it may be one itself."""
    above, _, name = path.rpartition("/")
    return str(Path(within(base, above), name))


def _state(path: Path) -> tuple[FileState, str]:
    try:
        with Folder.reached(path.parent) as folder:
            return folder.state(path.name), ""
    except NotFound:
        return FileState(), ""
    except Refused as error:
        return FileState(), f"{error.message}: it is not in the snapshot"


def _check_room(snapshots: Snapshots, size: int, reserve: int) -> None:
    """Raise MachineLacks before the first byte is written."""
    folder = snapshots.folder(0)
    there = next(path for path in folder.parents if path.is_dir())
    free = os.statvfs(there)
    room = Room(str(there), there.stat().st_dev, free.f_bavail * free.f_frsize)
    check_rooms([(room, size + size // 20 + _SLACK + reserve)])
