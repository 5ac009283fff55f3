"""How the index of a repository is had, of apt or rpm: fetched, believed, its lists of packages made ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rocmswitch.fetch.indexstore import Envelope
from rocmswitch.fetch.packages import PackagesReader
from rocmswitch.fetch.place import Place
from rocmswitch.fetch.release import Releases
from rocmswitch.fetch.repomd import PrimaryReader, Repomds
from rocmswitch.metadata.debindex import PackageIndex
from rocmswitch.metadata.rpmindex import RpmIndex
from rocmswitch.model.keys import Keys
from rocmswitch.model.package import Digest

AnyIndex = PackageIndex | RpmIndex


@dataclass(frozen=True)
class State:
    """A repository at some time, verified."""

    date: datetime
    fingerprint: str
    """Of who signed its index; empty where only its packages are signed."""
    parts: tuple[tuple[AnyIndex, Digest], ...]
    """Its lists of packages, each with the hash of what it was made of."""
    forget_others: Callable[[], None]
    """Keep of this repository only the indexes of this state."""
    expired: bool = False
    signers: tuple[Keys, ...] = ()
    """By which each package is to be checked by itself, where the index is not signed."""
    warnings: tuple[str, ...] = ()


class Way(Protocol):
    """What apt's and rpm's repositories have in common. Raises as `Repositories.open` does."""

    def fetch(self, place: Place) -> Envelope: ...

    def read(self, place: Place, envelope: Envelope) -> State:
        """All of it verified; remembers nothing."""


@dataclass(frozen=True)
class AptWay:
    """InRelease and Packages."""

    releases: Releases
    packages: PackagesReader

    def fetch(self, place: Place) -> Envelope:
        return self.releases.fetch(place)

    def read(self, place: Place, envelope: Envelope) -> State:
        trusted = self.releases.trust(place, envelope)
        return State(
            date=trusted.release.date,
            fingerprint=trusted.fingerprint,
            parts=tuple((index, listed.digest) for index, listed in self.packages.open(place, trusted.release)),
            forget_others=lambda: self.packages.forget_others(place, trusted.release),
            expired=trusted.expired,
            warnings=trusted.warnings,
        )


@dataclass(frozen=True)
class RpmWay:
    """repomd.xml and primary.xml."""

    repomds: Repomds
    primaries: PrimaryReader

    def fetch(self, place: Place) -> Envelope:
        return self.repomds.fetch(place)

    def read(self, place: Place, envelope: Envelope) -> State:
        trusted = self.repomds.trust(place, envelope)
        return State(
            date=trusted.repomd.made,
            fingerprint=trusted.fingerprint,
            parts=(self.primaries.open(place, trusted.repomd),),
            forget_others=lambda: self.primaries.forget_others(place, trusted.repomd),
            signers=trusted.signers,
            warnings=trusted.warnings,
        )
