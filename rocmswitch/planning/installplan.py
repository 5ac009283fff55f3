"""What installing a stack takes: the plan that is shown, compared and then obeyed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from rocmswitch.model.activation import CardVariable
from rocmswitch.model.keys import Keys
from rocmswitch.model.package import C_LIBRARIES, Package
from rocmswitch.model.receipt import SourceRecord
from rocmswitch.planning.gpufiles import Kernels, kernels_for
from rocmswitch.planning.placement import BASE

TREE_ID_LENGTH = 12


@dataclass(frozen=True)
class PlannedPackage:
    """A package that will be unpacked. `place` is `rocm` (the tree itself) or `base` (what the host lacks)."""

    package: Package
    urls: tuple[str, ...]
    place: str
    verification: str
    cached: bool
    because: str = ""
    """For `base`: what the host lacks."""
    host_has: bool = False
    """It is carried although the machine has it, because the C library is."""
    kernels: tuple[tuple[str, int], ...] | None = None
    """By target, the bytes of files that are for it alone; None where nobody knows before it is unpacked."""
    unhashed: bool = False
    """Nobody has stated its hash: that of the package is a stand-in until it is here."""
    signers: tuple[Keys, ...] = ()
    """By which it has to be signed itself, where nobody signed the index with its hash."""
    shared: bool = False
    """The new tree takes it over from the one that it replaces, by hard links: nothing is fetched or unpacked."""


@dataclass(frozen=True)
class HostPackage:
    """A member of the closure that is left to the host."""

    package: Package
    because: str
    is_relied_on: bool = False
    """An unpacked package needs it itself, not only another one that is left to the host."""


@dataclass(frozen=True)
class InstallPlan:
    """All that `execute` obeys. Two plans that would make the same tree have the same `tree`."""

    name: str
    stack_version: str
    root: str
    sets: tuple[str, ...]
    packages: tuple[PlannedPackage, ...]
    host: tuple[HostPackage, ...]
    sources: tuple[SourceRecord, ...]
    environment: tuple[tuple[str, str], ...]
    manifest_sha256: str
    replaces: str = ""
    """The precondition: the tree that NAME points to now, empty where there is none."""
    nonce: str = ""
    """Set by a repair, so that the new tree is not the one that it replaces."""
    notes: tuple[str, ...] = ()
    cards: tuple[CardVariable, ...] = ()
    """What the manifest sets on single cards."""
    gpus: tuple[str, ...] = ()
    """The cards that the user chose; empty for all. Files that are for others alone are not unpacked."""
    accepted: tuple[str, ...] = ()
    """Addresses that had another hash at their first use: what its package has is required there from now on."""

    @property
    def needed(self) -> Kernels:
        """Tells which files the chosen cards need."""
        return kernels_for(self.gpus, self.cards)

    @property
    def left_out_size(self) -> int:
        """Bytes that are not unpacked, as far as that is known before."""
        return sum(self._left_out_of(one) for one in self.packages)

    @property
    def left_out_is_known(self) -> bool:
        """Whether that is all of it."""
        return not self.gpus or all(one.kernels is not None for one in self.packages if one.place != BASE)

    @property
    def carries_c_library(self) -> bool:
        """Whether the tree has a C library and a loader of its own, by which its programs start."""
        return any(one.place == BASE and one.package.name in C_LIBRARIES for one in self.packages)

    @property
    def download_size(self) -> int:
        """Bytes to fetch: what the cache does not have."""
        return sum(one.package.size for one in self.packages if not (one.cached or one.shared))

    @property
    def cached_size(self) -> int:
        return sum(one.package.size for one in self.packages if one.cached or one.shared)

    @property
    def installed_size(self) -> int:
        """Bytes on disk, as the packages themselves state it, without what is known to be left out."""
        return sum(one.package.installed_size - self._left_out_of(one) for one in self.packages)

    @property
    def added_size(self) -> int:
        """Bytes on disk that are not there yet."""
        new = (one for one in self.packages if not one.shared)
        return sum(one.package.installed_size - self._left_out_of(one) for one in new)

    @property
    def tree(self) -> str:
        """The name of the tree's folder, NAME-<12 hex>: from what decides its content, not from what is cached."""
        content = {
            "name": self.name,
            "root": self.root,
            "sets": self.sets,
            "packages": sorted((str(one.package.digest), one.place) for one in self.packages),
            "environment": self.environment,
            "cards": [asdict(one) for one in self.cards],
            "nonce": self.nonce,
            **({"gpus": self.gpus} if self.gpus else {}),
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:TREE_ID_LENGTH]}"

    def as_json(self) -> dict[str, object]:
        """What `install --dry-run --json` prints."""
        return {
            "stack": self.name,
            "version": self.stack_version,
            "tree": self.tree,
            "sets": list(self.sets),
            "gpus": list(self.gpus),
            "left_out_size": self.left_out_size,
            "left_out_is_known": self.left_out_is_known,
            "download_size": self.download_size,
            "cached_size": self.cached_size,
            "installed_size": self.installed_size,
            "packages": [_package_as_json(one) for one in self.packages],
            "host": [
                {"name": one.package.name, "version": one.package.version, "because": one.because}
                for one in self.host
            ],
            "sources": [asdict(one) for one in self.sources],
            "notes": list(self.notes),
        }

    def _left_out_of(self, planned: PlannedPackage) -> int:
        if planned.place == BASE or not self.gpus:
            return 0
        known = sum(size for target, size in planned.kernels or () if not self.needed.runs(target))
        return min(known, planned.package.installed_size)


def _package_as_json(planned: PlannedPackage) -> dict[str, object]:
    package = planned.package
    return {
        "name": package.name,
        "version": package.version,
        "url": planned.urls[0] if planned.urls else "",
        "size": package.size,
        "sha256": package.digest.value,
        "installed_size": package.installed_size,
        "verification": planned.verification,
        "place": planned.place,
        "because": planned.because,
        "cached": planned.cached,
        "shared": planned.shared,
    }
