"""The small copy of a snapshot in /boot: what a rescue shell finds where nothing else can be mounted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePath

from rocmswitch.errors import RocmswitchError
from rocmswitch.metadata.snapshot import FILES, MANIFEST, SCRIPT, SEAL, encode_manifest, seal_of
from rocmswitch.model.kernel import AMDGPU, SUFFIXES
from rocmswitch.model.snapshot import Snapshot, SnapshotFile
from rocmswitch.store.ownfolders import check_own
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.copying import copy_hashed
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.reading import open_regular

FOLDER = "boot/rocmswitch"
_SHARE = 4
"""One part of so many of what is free in /boot may be taken: a kernel's update needs the rest."""
_MODE = 0o600


@dataclass(frozen=True)
class Small:
    """What is to lie there: recover.sh, and the amdgpu of *snapshot* without those that are known to be *bad*."""

    snapshot: Snapshot
    script: bytes
    bad: Collection[str] = ()
    """Paths."""

    @property
    def modules(self) -> tuple[SnapshotFile, ...]:
        return tuple(one for one in self.snapshot.files if _is_amdgpu(one) and one.path not in self.bad)


def keep_in_boot(snapshots: Snapshots, small: Small, base: Path, disk: Disk) -> str:
    """Put it there, the modules only where they fit; why not, or a note on it, or nothing.

    Without the seal it is no snapshot: that goes first and comes last. A failure is told, not raised: the whole
    snapshot is complete without it.
    """
    folder = base / FOLDER
    try:
        check_own(folder / "snapshot", base)
    except (RocmswitchError, OSError) as error:
        return f"no copy in `{folder}`: {error}"
    try:
        with disk_errors(base / "boot"):
            return _keep(snapshots, small, folder, disk)
    except (RocmswitchError, OSError) as error:
        _remove_partial(folder, disk)
        return f"no copy in `{folder}`: {error}"


def _keep(snapshots: Snapshots, small: Small, folder: Path, disk: Disk) -> str:
    inside, modules = folder / "snapshot", small.modules
    if not folder.is_dir():
        disk.make_directory(folder, 0o700)
        disk.sync_directory(folder.parent)
    if (inside / SEAL).exists():
        disk.discard(inside / SEAL)
        disk.sync_directory(inside)
    disk.remove_tree(inside)
    disk.replace_file(folder / SCRIPT, small.script, _MODE)
    free = os.statvfs(folder)
    fits = sum(file.state.size for file in modules) <= free.f_bavail * free.f_frsize // _SHARE
    disk.make_directory(inside, 0o700)
    for file in modules if fits else ():
        _copy(snapshots.file(small.snapshot.number, file.path), inside / FILES / file.path, disk)
    manifest = encode_manifest({f"{FILES}/{file.path}": file.state.sha256 for file in modules})
    disk.write_file(inside / MANIFEST, manifest, _MODE)
    disk.sync_filesystem(inside)
    disk.write_file(inside / SEAL, seal_of(manifest), _MODE)
    for here in (inside, folder):
        disk.sync_directory(here)
    return "" if fits else f"`{folder}` has only recover.sh and the manifest: the modules would fill /boot"


def _remove_partial(folder: Path, disk: Disk) -> None:
    """What has filled /boot and is of no use; a script that was there before stays."""
    with contextlib.suppress(OSError):
        disk.remove_tree(folder / "snapshot")
        disk.discard(folder / f".{SCRIPT}.{os.getpid()}.new")


def _copy(source: Path, target: Path, disk: Disk) -> None:
    disk.make_directories(target.parent, synced=False)
    with open_regular(source) as opened, disk.create(target, _MODE) as copy:
        copy_hashed(opened, copy)


def _is_amdgpu(file: SnapshotFile) -> bool:
    path = PurePath(file.path)
    return "modules" in path.parts and path.name in {f"{AMDGPU}{suffix}" for suffix in SUFFIXES}
