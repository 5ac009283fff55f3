"""The small copy of a snapshot in /boot: what a rescue shell finds where nothing else can be mounted."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from rocmswitch.errors import RocmswitchError
from rocmswitch.metadata.snapshot import FILES, MANIFEST, SCRIPT, SEAL, encode_manifest, seal_of
from rocmswitch.model.kernel import AMDGPU, SUFFIXES
from rocmswitch.model.snapshot import Snapshot, SnapshotFile
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.copying import copy_hashed
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.folder import check_trusted
from rocmswitch.system.reading import open_regular

FOLDER = "boot/rocmswitch"
_SHARE = 4
"""One part of so many of what is free in /boot may be taken: a kernel's update needs the rest."""
_MODE = 0o600


def keep_in_boot(snapshots: Snapshots, one: Snapshot, script: bytes, base: Path, disk: Disk) -> str:
    """Put recover.sh there, and the amdgpu modules where they fit; why not, or a note on it, or nothing.

    Without the seal it is no snapshot: that goes first and comes last. A failure is told, not raised: *one* is
    complete without it.
    """
    boot = base / "boot"
    try:
        with disk_errors(boot):
            check_trusted(boot.resolve() if base == Path("/") else boot, os.geteuid())
            return _keep(snapshots, one, script, base / FOLDER, disk)
    except (RocmswitchError, OSError) as error:
        return f"no copy in `{base / FOLDER}`: {error}"


def _keep(snapshots: Snapshots, one: Snapshot, script: bytes, folder: Path, disk: Disk) -> str:
    small = folder / "snapshot"
    if not folder.is_dir():
        disk.make_directory(folder, 0o700)
        disk.sync_directory(folder.parent)
    if (small / SEAL).exists():
        disk.discard(small / SEAL)
        disk.sync_directory(small)
    disk.remove_tree(small)
    disk.replace_file(folder / SCRIPT, script, _MODE)
    modules = tuple(file for file in one.files if _is_amdgpu(file))
    free = os.statvfs(folder)
    fits = sum(file.state.size for file in modules) <= free.f_bavail * free.f_frsize // _SHARE
    disk.make_directory(small, 0o700)
    for file in modules if fits else ():
        _copy(snapshots.file(one.number, file.path), small / FILES / file.path, disk)
    manifest = encode_manifest({f"{FILES}/{file.path}": file.state.sha256 for file in modules})
    disk.write_file(small / MANIFEST, manifest, _MODE)
    disk.sync_filesystem(small)
    disk.write_file(small / SEAL, seal_of(manifest), _MODE)
    for here in (small, folder):
        disk.sync_directory(here)
    return "" if fits else f"`{folder}` has only recover.sh and the manifest: the modules would fill /boot"


def _copy(source: Path, target: Path, disk: Disk) -> None:
    disk.make_directories(target.parent, synced=False)
    with open_regular(source) as opened, disk.create(target, _MODE) as copy:
        copy_hashed(opened, copy)


def _is_amdgpu(file: SnapshotFile) -> bool:
    path = PurePath(file.path)
    return "modules" in path.parts and path.name in {f"{AMDGPU}{suffix}" for suffix in SUFFIXES}
