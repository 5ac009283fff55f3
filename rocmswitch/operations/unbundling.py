"""What a bundle supplies in the place of servers, shared by install, use and bundle.

What is trusted: the keys and hashes that the manifests of this machine pin, for every stack that it knows. For one
that it does not know the bundle brings the manifest, which pins keys and hashes itself: then whoever made the
bundle is trusted as the author of a manifest is, and that is said before anybody agrees. A wheel whose hash no
manifest pins is `first-use`, as it was where the bundle was made.

What only environments need is imported where one is made: a prefix waits for none of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rocmswitch.errors import NotFound, VerificationFailed
from rocmswitch.fetch.keyring import MAX_KEY
from rocmswitch.fetch.place import Mirrors, locate
from rocmswitch.fetch.provision import AnyPlace, Passing, Provision
from rocmswitch.fetch.recorded import Bundled
from rocmswitch.fetch.repository import Repositories
from rocmswitch.host.facts import read_host
from rocmswitch.metadata.bundle import INVALID, Bundle, BundledStack, BundledVenv
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.metadata.wheellock import SIZE_LIMIT, WheelLock, parse_wheel_lock
from rocmswitch.model.host import Host
from rocmswitch.model.indexes import PackageIndexes
from rocmswitch.model.stack import Stack
from rocmswitch.store.bundle import BundleFile
from rocmswitch.store.catalog import LOCK_SUFFIX, SUFFIX, Catalog
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk, disk_errors

if TYPE_CHECKING:
    from rocmswitch.store.bundledpython import BundledPython

_REPOSITORIES = ("apt", "rpm")


@dataclass(frozen=True)
class Unknown:
    """A stack that only the bundle knows."""

    stack: Stack
    manifest: bytes
    lock: bytes | None


@dataclass(frozen=True)
class Supplies:
    """One open bundle. *folder* is gone with this process; the manifests that only the bundle has lie in it."""

    file: BundleFile
    folder: Path
    unknown: tuple[Unknown, ...]
    disk: Disk
    catalog: Catalog

    @property
    def bundle(self) -> Bundle:
        return self.file.bundle

    @property
    def manifests(self) -> Path:
        return self.folder / "manifests"

    def place(self, unknown: Unknown) -> Path:
        """Where the manifest lies until somebody agrees to keep it."""
        return self.manifests / f"{unknown.stack.name}{SUFFIX}"

    @property
    def http(self) -> Bundled:
        return Bundled(self.file)

    @property
    def indexes(self) -> PackageIndexes:
        """None: an environment of a bundle is made of the wheels that its lock names."""
        return PackageIndexes(INVALID.rstrip("/"), index_is_off=True)

    @cached_property
    def python(self) -> BundledPython | None:
        """The Python that came along, if there is one."""
        for member in self.bundle.of_kind("python"):
            from rocmswitch.store.bundledpython import BundledPython

            return BundledPython(self.file, member, self.folder / "pythons", self.disk)
        return None

    def repositories(self, layout: Layout, disk: Disk, now: datetime, own_mirrors: dict[str, str]) -> Repositories:
        """Repositories that are opened from the bundle alone, by the same rules and the same keys."""
        keys = tuple(self.file.read(one, MAX_KEY) for one in self.bundle.of_kind("key"))
        names = frozenset(name for stack in self.bundle.stacks for name in stack.packages)
        store = Passing(layout, disk, self._aliases(own_mirrors))
        provision = Provision(store, keys, self.bundle.made, names)
        return Repositories(
            self.http, layout, disk, now, host_mirrors=dict(self.bundle.archives), provision=provision
        )

    def venv(self, stack: str, gpu: str = "", torch: str = "") -> BundledVenv:
        """The environment of *stack*, for that card and PyTorch where they are given. Raises NotFound."""
        for one in self.bundle.venvs:
            same_torch = not torch or one.torch.partition("+")[0] == torch.partition("+")[0]
            if one.stack == stack and same_torch and (not gpu or one.gpu in ("", gpu)):
                return one
        asked = "".join([f" for `{gpu}`" if gpu else "", f" with torch {torch}" if torch else ""])
        raise NotFound(
            f"the bundle `{self.file.path}` has no wheels of `{stack}`{asked}",
            hint=f"run `rocmswitch bundle create {stack} --venv -o FILE` where there is a network",
        )

    def wheel_lock(self, venv: BundledVenv) -> WheelLock:
        """What is in that environment. Raises VerificationFailed and ManifestMistake."""
        member = self.bundle.member(venv.wheels)
        lock = parse_wheel_lock(self.file.read(member, SIZE_LIMIT), f"{self.file.path}: {member.path}")
        if (lock.stack, lock.python) != (venv.stack, venv.python):
            raise VerificationFailed(f"`{member.path}` in the bundle is of another environment than its list says")
        return lock

    def _aliases(self, own_mirrors: Mapping[str, str]) -> dict[AnyPlace, tuple[AnyPlace, ...]]:
        """By what the bundle calls a repository, what this machine calls it.

        Of a stack that is known here, by the manifest here, which planning goes by: with one of its own a bundle
        could call a repository what it likes, and nobody would know how new the index was that was seen of it.
        """
        host, own = read_host(), {one.stack.name: one.stack for one in self.unknown}
        found: dict[AnyPlace, tuple[AnyPlace, ...]] = {}
        for one in self.bundle.stacks:
            stack = own.get(one.name) or self.catalog.read(one.name).stack
            for place, names in _places(stack, host, self.bundle, own_mirrors):
                found[place] = (*found.get(place, ()), *names)  # those of all stacks: none takes another's away
        return found


@contextlib.contextmanager
def supplies(path: Path, catalog: Catalog, folder: Path, disk: Disk) -> Iterator[Supplies]:
    """The bundle at *path*; *catalog* says which of its stacks are known here. *folder* is gone with this process.

    Raises NotFound, UsageMistake, MachineLacks, and VerificationFailed where it is damaged or no bundle.
    """
    with BundleFile.opened(path) as file:
        known = catalog.names()
        unknown = tuple(_unknown(file, one) for one in file.bundle.stacks if one.name not in known)
        made = Supplies(file, folder, unknown, disk, catalog)
        for one in unknown:
            lay_down(one, made.manifests, disk)
        yield made


def lay_down(unknown: Unknown, folder: Path, disk: Disk) -> Path:
    """Write the manifest into *folder*, its tested lock before it. Gives its path."""
    path = folder / f"{unknown.stack.name}{SUFFIX}"
    with disk_errors(path):
        disk.make_directories(folder)
        if unknown.lock is not None:
            disk.replace_file(path.with_suffix(LOCK_SUFFIX), unknown.lock)
        disk.replace_file(path, unknown.manifest)
    return path


def _unknown(file: BundleFile, one: BundledStack) -> Unknown:
    manifest = file.read(file.bundle.member(one.manifest))
    stack = parse_manifest(manifest, f"{file.path}: {one.manifest}")
    if stack.name != one.name:
        raise VerificationFailed(f"`{one.manifest}` in the bundle is of `{stack.name}`, not of `{one.name}`")
    lock = file.read(file.bundle.member(one.lock)) if one.lock else None
    return Unknown(stack, manifest, lock)


def _places(
    stack: Stack, host: Host, bundle: Bundle, own_mirrors: Mapping[str, str]
) -> Iterator[tuple[AnyPlace, tuple[AnyPlace, ...]]]:
    sources = tuple(one for one in stack.rocm.sources if one.kind in _REPOSITORIES)
    try:
        theirs = locate(sources, host, Mirrors(bundle.mirror or None, bundle.archives))
        ours = locate(sources, host, Mirrors(None, own_mirrors))
    except NotFound:
        return  # nothing for this system: whoever plans with it is told
    for one, other in zip(theirs, ours, strict=True):
        names = ((url, other.suite) for url in other.urls)
        yield (one.url, one.suite), tuple(name for name in names if name != (one.url, one.suite))
