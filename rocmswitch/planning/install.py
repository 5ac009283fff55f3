"""What installing a stack takes: the plan that is shown, compared and then obeyed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from rocmswitch.model.package import Package
from rocmswitch.model.receipt import SourceRecord

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


@dataclass(frozen=True)
class HostPackage:
    """A member of the closure that is left to the host."""

    package: Package
    because: str


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

    @property
    def download_size(self) -> int:
        """Bytes to fetch: what the cache does not have."""
        return sum(one.package.size for one in self.packages if not one.cached)

    @property
    def cached_size(self) -> int:
        return sum(one.package.size for one in self.packages if one.cached)

    @property
    def installed_size(self) -> int:
        """Bytes on disk, as the packages themselves state it."""
        return sum(one.package.installed_size for one in self.packages)

    @property
    def tree(self) -> str:
        """The name of the tree's folder, NAME-<12 hex>: from what decides its content, not from what is cached."""
        content = {
            "name": self.name,
            "root": self.root,
            "sets": self.sets,
            "packages": sorted((str(one.package.digest), one.place) for one in self.packages),
            "environment": self.environment,
            "nonce": self.nonce,
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
        "cached": planned.cached,
    }
