"""All bytes from which a module or a source of DKMS could be brought back, looked at, and not trusted yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.snapshot import FILES
from rocmswitch.model.kernel import Owner, System
from rocmswitch.model.recovery import ORIGINAL, SNAPSHOT, Candidate
from rocmswitch.model.snapshot import DOUBTFUL, Snapshot, SnapshotFile
from rocmswitch.operations.packagesource import (
    Wanted,
    candidate,
    contents_of,
    from_cache,
    from_files,
    from_manager,
    wanted,
)
from rocmswitch.store.packagefile import LARGEST
from rocmswitch.store.snapshots import Snapshots, Unusable


def candidates(system: System, snapshots: Snapshots, packages: Sequence[Path]) -> tuple[Candidate, ...]:
    """Snapshots first, the newest before the others, then originals, then *packages* and what can be fetched.

    Raises NotFound, VerificationFailed, Refused for a file of *packages* that is not of an installed package. What
    this user may not read is not among them.
    """
    return (
        *_from_snapshots(system, snapshots),
        *_originals(system),
        *from_files(system, packages),
        *from_cache(system),
        *from_manager(system),
    )


def _from_snapshots(system: System, snapshots: Snapshots) -> Iterator[Candidate]:
    try:
        found = snapshots.all()
    except PermissionError:
        return
    for one in found:
        if isinstance(one, Unusable):
            yield from _unusable(system, one)
        elif one.why not in DOUBTFUL:
            yield from _of_snapshot(system, snapshots, one)


def _unusable(system: System, one: Unusable) -> Iterator[Candidate]:
    where = f"snapshot {one.number}"
    for file in wanted(system):
        yield Candidate(SNAPSHOT, file.kernel, file.name, file.path, where, "", None, refused=one.reason)


def _of_snapshot(system: System, snapshots: Snapshots, one: Snapshot) -> Iterator[Candidate]:
    for path, place in _places(system).items():
        file = one.find(path)
        if file is None:
            continue
        copy, where = snapshots.file(one.number, path), f"snapshot {one.number}"
        try:
            contents = contents_of(_copied(snapshots, one.number, file), path, place.name)
        except OSError as error:
            refused = f"its copy cannot be read ({error.strerror})"
            yield Candidate(SNAPSHOT, place.kernel, place.name, path, where, str(copy), None, refused)
            continue
        found = candidate(SNAPSHOT, place, where, str(copy), contents)
        is_copied = contents.sha256 == file.state.sha256
        yield found if is_copied else replace(found, refused="its copy is not what was copied then")


def _copied(snapshots: Snapshots, number: int, file: SnapshotFile) -> bytes:
    """The bytes of a copy, and no more than there should be: a hash tells the rest. Raises OSError."""
    folder = SystemRoot(snapshots.folder(number))
    with folder.open(f"{FILES}/{file.path}") as opened:
        return opened.read(min(file.state.size, LARGEST) + 1)


def _places(system: System) -> dict[str, Wanted]:
    """What a snapshot could bring back, by path: also what no package has."""
    found = {one.path: one for one in wanted(system)}
    for kernel in system.kernels:
        for file in kernel.modules:
            found.setdefault(file.path, Wanted(file.path, Owner("", ""), kernel.release, file.name))
    return found


def _originals(system: System) -> Iterator[Candidate]:
    for one in system.originals:
        whole = str(Path(system.root) / one.path)
        yield Candidate(ORIGINAL, one.kernel, one.name, "", f"`/{one.path}`", whole, one.contents)
