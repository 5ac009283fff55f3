"""A stack's repositories, opened: every source's index, fetched and verified, or the last good one.

    InRelease ─ signature ─▶ text ─ dates, suite ─▶ hashes ─ Packages ─▶ index
    repomd.xml.asc ─ signature ─▶ repomd.xml ─ date ─▶ hash ─ primary.xml ─▶ index

The network may fail; trust may not. What was verified once is kept, and where a server cannot be reached or
is between two states it is used again, verified anew and with a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rocmswitch.errors import NetworkFailed, VerificationFailed
from rocmswitch.fetch.compressed import HalfSynchronised
from rocmswitch.fetch.indexstore import Envelope, IndexStore, Kept
from rocmswitch.fetch.keyring import Keyring, NoNetwork, Reader
from rocmswitch.fetch.packages import PackagesReader
from rocmswitch.fetch.place import Mirrors, Place, locate
from rocmswitch.fetch.provision import Provision
from rocmswitch.fetch.release import Releases
from rocmswitch.fetch.repomd import PrimaryReader, Repomds
from rocmswitch.fetch.signature import installed_verifier
from rocmswitch.fetch.signed import Verifier
from rocmswitch.fetch.ways import AnyIndex, AptWay, RpmWay, State, Way
from rocmswitch.metadata.debversion import DEBIAN
from rocmswitch.metadata.rpmversion import RPM
from rocmswitch.metadata.versions import Versions
from rocmswitch.model.host import Host
from rocmswitch.model.keys import Keys
from rocmswitch.model.package import Package
from rocmswitch.model.receipt import SourceRecord
from rocmswitch.model.source import Source
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk


@dataclass(frozen=True)
class OpenedIndex:
    """What a stack's sources offer today."""

    indexes: tuple[tuple[AnyIndex, int], ...]
    """Each with its source's priority."""
    records: tuple[SourceRecord, ...]
    places: tuple[Place, ...]
    warnings: tuple[str, ...] = ()
    keys: tuple[tuple[Keys, ...], ...] = ()
    """By source: those that each of its packages has to be signed by, where its index is not signed."""

    @property
    def versions(self) -> Versions:
        """The rules of its kind of packages."""
        return RPM if any(one.kind == "rpm" for one in self.places) else DEBIAN

    def urls(self, package: Package) -> tuple[str, ...]:
        """Where *package* can be fetched, the best mirror first."""
        if package.filename.startswith(("http://", "https://")):
            return (package.filename,)
        return self.places[int(package.source)].in_repository(package.filename)

    def signers(self, package: Package) -> tuple[Keys, ...]:
        """By which *package* itself has to be signed, tried one after the other; none where the index vouches."""
        return self.keys[int(package.source)] if self.keys else ()


@dataclass(frozen=True)
class Repositories:
    """Opens sources. `now` is the present, in UTC."""

    http: Reader
    layout: Layout
    disk: Disk
    now: datetime
    fresh_for: timedelta = timedelta(0)
    """How long a verified index is used without asking its server whether there is a newer one."""
    host_mirrors: dict[str, str] = field(default_factory=dict)
    """By archive (`debian`): see `host.apt.host_mirror`."""
    verifier: Verifier = field(default_factory=installed_verifier)
    provision: Provision = Provision()
    """What is different for a bundle."""

    def open(
        self,
        sources: tuple[Source, ...],
        host: Host,
        *,
        mirror: str | None = None,
        allow_expired: bool = False,
        offline: bool = False,
    ) -> OpenedIndex:
        """Open every source of a stack. *mirror* is the user's own choice: see `place.Mirrors`.

        Offline, only what is kept is used. Raises VerificationFailed, MachineLacks, NetworkFailed, NotFound and
        Failed.
        """
        places = locate(sources, host, Mirrors(mirror, self.host_mirrors))
        opener = self._opener(allow_expired, offline)
        opened = [opener.open(place) for place in places]
        return OpenedIndex(
            indexes=tuple(
                (index, place.priority) for place, one in zip(places, opened, strict=True) for index in one.indexes
            ),
            records=tuple(record for one in opened for record in one.records),
            places=places,
            warnings=tuple(dict.fromkeys(warning for one in opened for warning in one.warnings)),
            keys=tuple(one.signers for one in opened),
        )

    def _opener(self, allow_expired: bool, offline: bool) -> _Opener:
        http = NoNetwork() if offline else self.http
        store = self.provision.store or IndexStore(self.layout, self.disk)
        keyring = Keyring(http, store, self.now, offline, self.provision.keys)
        releases = Releases(http, store, keyring, self.verifier, self.now, allow_expired, self.provision)
        packages = PackagesReader(http, store, self.provision.names, self.provision.plain)
        repomds = Repomds(http, store, keyring, self.verifier, releases.dates)
        primaries = PrimaryReader(http, store, self.provision.names)
        ways: Mapping[str, Way] = {"apt": AptWay(releases, packages), "rpm": RpmWay(repomds, primaries)}
        return _Opener(ways, store, self.now, self.fresh_for, offline)


@dataclass(frozen=True)
class _OpenedSource:
    indexes: tuple[AnyIndex, ...]
    records: tuple[SourceRecord, ...]
    warnings: tuple[str, ...]
    signers: tuple[Keys, ...]


@dataclass(frozen=True)
class _Opener:
    """Opens one source after the other."""

    ways: Mapping[str, Way]
    """By the kind of source."""
    store: IndexStore
    now: datetime
    fresh_for: timedelta
    offline: bool

    def open(self, place: Place) -> _OpenedSource:
        way = self.ways[place.kind]
        kept = self.store.release(place.url, place.suite)
        if self.offline:
            return self._open_kept(place, kept, ())
        if kept and kept.is_younger_than(self.fresh_for, self.now):
            try:
                return self._open_kept(place, kept, ())
            except VerificationFailed:
                # The manifest may pin another key by now, or the cache is damaged: the server decides.
                return self._open_new(place, way.fetch(place))
        try:
            return self._open_new(place, way.fetch(place))
        except (NetworkFailed, HalfSynchronised) as error:
            if kept is None:
                raise
            return self._open_kept(place, kept, (f"{error.message}; the last good index is used",))

    def _open_new(self, place: Place, envelope: Envelope) -> _OpenedSource:
        """Open what the server has. It is remembered when all of it is verified, not before."""
        state = self.ways[place.kind].read(place, envelope)
        self.store.keep_release(place.url, place.suite, envelope)
        seen = self.store.seen(place.url, place.suite)
        # What nobody signed is not remembered: it may state any date.
        if state.fingerprint and (seen is None or seen < state.date):
            self.store.saw(place.url, place.suite, state.date)
        state.forget_others()
        return _opened(place, state, ())

    def _open_kept(self, place: Place, kept: Kept | None, warnings: tuple[str, ...]) -> _OpenedSource:
        if kept is None:
            raise NetworkFailed(f"no index of `{place.name}` is kept here, and there is no network")
        state = self.ways[place.kind].read(place, Envelope.decode(kept.content))
        date = state.date.strftime("%Y-%m-%d")
        return _opened(place, state, tuple(f"{one}, of {date}" for one in warnings))


def _opened(place: Place, state: State, warnings: tuple[str, ...]) -> _OpenedSource:
    records = tuple(
        SourceRecord(
            url=place.url,
            suite=place.suite,
            date=state.date.strftime("%Y-%m-%dT%H:%M:%SZ"),
            fingerprint=state.fingerprint or " ".join(place.key.fingerprints),
            sha256=digest.value,
            expired=state.expired,
            kind=place.kind,
        )
        for _, digest in state.parts
    )
    indexes = tuple(index for index, _ in state.parts)
    return _OpenedSource(indexes, records, (*warnings, *state.warnings), state.signers)
