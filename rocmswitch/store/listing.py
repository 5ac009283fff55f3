"""Every file of a new environment, hashed, with the wheel that carried it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.knownwheels import Known, KnownFile, KnownWheel, source_of
from rocmswitch.store.verify import hash_files
from rocmswitch.store.wheelfiles import Wheel


def list_environment(folder: Path, wheels: Sequence[Wheel], known: Known | None = None) -> tuple[FileEntry, ...]:
    """Every file and symlink below *folder*, sorted, hashed now, each with the wheel that carried it.

    What *known* recognises is not hashed again, and what it does not know is noted there. Raises VerificationFailed
    where a file is not the one in its wheel: uv's unpacked copy may have rotted.
    """
    there = _Environment(folder)
    noted = {wheel: one for wheel in wheels if known and (one := known.find(wheel, there.site)) and there.has(one)}
    recorded = {wheel: noted[wheel].recorded() if wheel in noted else wheel.recorded() for wheel in wheels}
    hashes = there.hashes(there.hashed_before(noted.values()))
    projects = {wheel: wheel.project for wheel in wheels}
    carried = {path: (projects[one], value) for one in wheels for path, value in recorded[one].items()}
    listed = tuple(
        _attributed(one.entry, hashes.get(path, ""), carried.get(there.below_site(path)))
        for path, one in there.found.items()
    )
    for wheel in wheels if known else ():
        if known and wheel not in noted:
            known.note(wheel, folder, there.found_of(recorded[wheel], hashes))
    return listed


def site_packages(folder: Path) -> Path:
    """Where the wheels are in the environment in *folder*."""
    return next(folder.glob("lib/python*/site-packages"), folder)


@dataclass(frozen=True)
class _Found:
    """A path of the environment, not hashed yet."""

    entry: FileEntry
    status: os.stat_result


class _Environment:
    """What lies in *folder*, as it is found."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.site = site_packages(folder)
        self._start = f"{self.site.relative_to(folder).as_posix()}/"
        self.found = {one.entry.path: one for one in sorted(_walk(folder, ""), key=lambda one: one.entry.path)}

    def below_site(self, path: str) -> str:
        """Its path in site-packages; empty for what lies beside it: a wheel may have a `bin` of its own."""
        return path.removeprefix(self._start) if path.startswith(self._start) else ""

    def has(self, wheel: KnownWheel) -> bool:
        """Whether every file of *wheel* is the very one that was hashed, but for those that uv never links."""
        return all(self._is_still(path, one) or _is_copied(path) for path, one in wheel.files.items())

    def hashed_before(self, wheels: Iterable[KnownWheel]) -> dict[str, str]:
        """The hashes of those files of *wheels* that are the very ones, by their paths in site-packages."""
        files = ((path, one) for wheel in wheels for path, one in wheel.files.items())
        return {path: one.sha256 for path, one in files if not _is_copied(path)}

    def _is_still(self, path: str, one: KnownFile) -> bool:
        found = self.found.get(self._start + path)
        return found is not None and one.is_still(found.status)

    def hashes(self, known: Mapping[str, str]) -> dict[str, str]:
        """The SHA-256 of each file, all but the *known*, by their paths in site-packages, found out now."""
        hashes = {self._start + path: value for path, value in known.items()}
        files = [one.entry for path, one in self.found.items() if one.entry.kind == "file" and path not in hashes]
        for path, digest in hash_files(self._folder, files):
            if isinstance(digest, OSError):
                raise digest
            hashes[path] = digest
        return hashes

    def found_of(self, recorded: Mapping[str, str], hashes: Mapping[str, str]) -> KnownWheel:
        """Of a wheel that has *recorded* its files: those with a hash, and what was compiled of them."""
        files = {}
        for path, one in self.found.items():
            name, status = self.below_site(path), one.status
            if path in hashes and (recorded.get(name) or recorded.get(source_of(name))):
                place = (status.st_size, status.st_mtime_ns, status.st_ino)
                files[name] = KnownFile(hashes[path], *place, carried=name in recorded)
        unstated = (name for name, value in recorded.items() if not value and name not in files)
        return KnownWheel(self.site, files, tuple(unstated))


def _is_copied(path: str) -> bool:
    """uv copies every RECORD, also those of the packages that setuptools carries: they are hashed each time."""
    return path.rpartition("/")[2] == "RECORD"


def _walk(folder: Path, below: str) -> Iterator[_Found]:
    with os.scandir(f"{folder}/{below}") as listing:
        found = list(listing)
    for one in found:
        path, status = f"{below}{one.name}", one.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(folder, f"{path}/")
        elif stat.S_ISLNK(status.st_mode):
            yield _Found(FileEntry(path, "link", 0o777, target=os.readlink(one.path)), status)  # noqa: PTH115
        else:
            yield _Found(FileEntry(path, "file", stat.S_IMODE(status.st_mode), status.st_size), status)


def _attributed(entry: FileEntry, sha256: str, carried: tuple[str, str] | None) -> FileEntry:
    """*entry* with its hash and its wheel. *carried* is that wheel and the hash that it states, empty for none."""
    package, value = carried or ("", "")
    # numpy 2.2.6 carries bytecode, which uv compiles anew.
    if value and sha256 != value and not entry.path.endswith(".pyc"):
        raise VerificationFailed(
            f"`{entry.path}` is not the file that the wheel of {package} carries",
            hint="run `rocmswitch cache prune`",
        )
    return FileEntry(entry.path, entry.kind, entry.mode, entry.size, sha256, entry.target, package)
