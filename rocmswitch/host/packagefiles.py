"""Which package a file of a system belongs to, and whether it is what that package brought."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Protocol

from rocmswitch.host.dpkgfiles import DpkgFiles
from rocmswitch.host.pacmanfiles import PacmanFiles
from rocmswitch.host.rootfacts import package_database
from rocmswitch.host.rpmfiles import RpmFiles
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.modprobeconf import canonical
from rocmswitch.model.kernel import AMDGPU, SUFFIXES, Contents, Owner, Stated

_TOPS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Links into /usr where it is merged, and then another way to spell the same files."""
_UNKNOWN = (errno.EACCES, errno.EPERM, errno.EIO)
"""Why a file could not be read although it may be what it should be."""
_IN_TREE = "kernel"
_CHUNK = 1024 * 1024
_LIKELY = ("linux-modules-extra-{}", "linux-modules-{}", "linux-image-{}", "linux-image-unsigned-{}")
"""Of Ubuntu and Debian, those that may have amdgpu, the likeliest first."""


class _Database(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def versions(self) -> Mapping[str, str]: ...
    def broken(self) -> tuple[str, ...]: ...
    def claims(self, paths: Iterable[str]) -> dict[str, Owner]: ...
    def claims_below(self, folder: str) -> dict[str, Owner]: ...


class PackageFiles:
    """The package database of the system at a root; nothing is owned where there is none that can be read.

    Every question for owners passes over all packages once: ask for many paths at a time.
    """

    def __init__(self, root: Path | SystemRoot) -> None:
        self._files = root if isinstance(root, SystemRoot) else SystemRoot(root)
        self._owners: dict[str, Owner | None] = {}
        self._below: dict[str, dict[str, Owner]] = {}

    @cached_property
    def kind(self) -> str:
        """`dpkg`, `rpm`, `pacman`, or nothing."""
        return self._database.kind if self._database else ""

    def owner(self, path: str) -> Owner | None:
        """The package that *path* belongs to, also one that is gone; None where no package has it."""
        return self.owners([path])[path]

    def owners(self, paths: Iterable[str], known: Mapping[str, Contents] | None = None) -> dict[str, Owner | None]:
        """As `owner`, of many paths. What stands in *known* is not read once more to compare it."""
        wanted = tuple(dict.fromkeys(paths))
        unknown = [path for path in wanted if path not in self._owners]
        claims = self._claims(unknown)
        for path in unknown:
            self._owners[path] = self._judged(path, claims.get(path), (known or {}).get(path))
        return {path: self._owners[path] for path in wanted}

    def verify(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of *paths* that belong to a package and are not what it brought, or are gone."""
        owners = self.owners(paths)
        return tuple(path for path, one in owners.items() if one is not None and one.is_intact is False)

    def files_below(self, folder: str) -> dict[str, Owner]:
        """What packages have below *folder*, be it there or not; folders may be among it."""
        claims = self._claims_below(folder)
        return {path: self._judged(path, owner, None) or owner for path, owner in claims.items()}

    def stated_modules(
        self, release: str, folder: str, known: Mapping[str, Contents] | None = None
    ) -> tuple[Stated, ...]:
        """What packages say lies of MODULES in the tree of the kernel *release*, whose folder is *folder*."""
        claims = ((path, _module(path)) for path in self._claims_below(f"{folder}/{_IN_TREE}"))
        names = {path: name for path, name in claims if name}
        owners = self.owners(names, known)
        return tuple(
            Stated(names[path], path, owner if self._files.is_file(path) else replace(owner, is_intact=None))
            for path, owner in sorted(owners.items())
            if owner is not None
        )

    def half_configured(self) -> tuple[str, ...]:
        """Packages whose installation was broken off: what `dpkg --audit` complains of."""
        return self._database.broken() if self._database else ()

    def version(self, package: str) -> str:
        """Of what is installed; empty for what is not."""
        return self._database.versions.get(package, "") if self._database else ""

    def package_of_kernel(self, release: str, path: str = "") -> tuple[str, str]:
        """The package that brings amdgpu for the kernel *release*, and which version of it belongs there.

        *path* is its in-tree file, if that is known. Where Ubuntu's package is not installed at all it is named
        with the version of its kernel. Empty where nothing tells.
        """
        owner = self.owner(path) if path else None
        if owner is None and self._database is not None:
            owner = self._owner_in(release)
        if owner is not None:
            return owner.package, owner.version
        extra, *others = (one.format(release) for one in _LIKELY)
        version = next((self.version(one) for one in others if self.version(one)), "")
        is_split = bool(self.version(others[0]))
        return (extra if is_split else next(filter(self.version, others), ""), version)

    def _owner_in(self, release: str) -> Owner | None:
        """By the lists of what belongs below the kernel's folder, whether it is there or not."""
        claims = self._claims_below(f"{self._files.within('lib/modules')}/{release}/{_IN_TREE}")
        return next((owner for path, owner in claims.items() if _module(path) == AMDGPU), None)

    def _claims_below(self, folder: str) -> dict[str, Owner]:
        """Paths as *folder* is spelled here, whatever spelling of a merged /usr the packages have."""
        if self._database is None:
            return {}
        if folder in self._below:
            return self._below[folder]
        self._below[folder] = {
            f"{folder}/{path[len(spelling) + 1 :]}": owner
            for spelling in self._spellings(folder)
            for path, owner in self._database.claims_below(spelling).items()
        }
        return self._below[folder]

    @cached_property
    def _database(self) -> _Database | None:
        found = {one.kind: one for one in (DpkgFiles, RpmFiles, PacmanFiles)}.get(package_database(self._files))
        return found(self._files) if found else None

    def _claims(self, paths: Iterable[str]) -> dict[str, Owner]:
        spelled = {spelling: path for path in paths for spelling in self._spellings(self._real(path))}
        if not spelled or self._database is None:
            return {}
        return {spelled[spelling]: owner for spelling, owner in self._database.claims(spelled).items()}

    def _real(self, path: str) -> str:
        """*path* with the links on its way followed: not itself, which may be a link that a package owns."""
        folder, _, name = path.strip("/").rpartition("/")
        return f"{self._files.within(folder)}/{name}".lstrip("/")

    def _spellings(self, path: str) -> tuple[str, ...]:
        return (path, *(alias + path[len(real) :] for real, alias in self._aliases if path.startswith(f"{real}/")))

    @cached_property
    def _aliases(self) -> tuple[tuple[str, str], ...]:
        pairs = ((self._files.within(top), top) for top in _TOPS)
        return tuple((real, top) for real, top in pairs if real != top)

    def _judged(self, path: str, owner: Owner | None, known: Contents | None) -> Owner | None:
        """*owner* with a word on whether the file is intact; a file that cannot be read leaves that open."""
        if owner is None or not owner.stated:
            return owner
        hashes = {"md5": known.md5, "sha256": known.sha256} if known else {}
        if hashes.get(owner.algorithm):
            return replace(owner, is_intact=owner.stated == hashes[owner.algorithm])
        try:
            with self._files.open(path) as file:
                return replace(owner, is_intact=owner.stated == _hash(file, owner.algorithm))
        except OSError as error:
            if error.errno not in _UNKNOWN:
                return replace(owner, is_intact=False)
            self._files.note(path, error.strerror or str(error))
            return owner


def _module(path: str) -> str:
    """Which of MODULES the file *path* is; empty for any other."""
    name = path.rpartition("/")[2]
    suffix = next((one for one in SUFFIXES if name.endswith(one)), "")
    return canonical(name.removesuffix(suffix)) if suffix else ""


def _hash(file: BinaryIO, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    while piece := file.read(_CHUNK):
        digest.update(piece)
    return digest.hexdigest()
