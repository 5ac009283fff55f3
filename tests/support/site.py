"""A server with one repository, and a machine that opens it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import pytest

from rocmswitch.errors import (
    RocmswitchError,
    VerificationFailed,
)
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.fetch.repository import OpenedIndex, Repositories
from rocmswitch.fetch.signature import installed_verifier
from rocmswitch.fetch.signed import Verifier
from rocmswitch.model.host import Host
from rocmswitch.model.source import Key, Source
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk
from tests.support.aptrepository import AptRepository
from tests.support.debs import Deb
from tests.support.server import Fault, Server

NOW = datetime.now(timezone.utc).replace(microsecond=0)
HOST = Host("ubuntu", ("debian",), "jammy", "amd64", "2.35")
HIP = Deb("hip", "5.2-1", depends="hsa (>= 5)")
HURRY = Patience(connect=2, stall=2, attempts=1, pause=0.01)


@dataclass
class Site:
    """Arranges a repository and opens it."""

    server: Server
    repository: AptRepository
    layout: Layout
    now: datetime = NOW
    verifier: Verifier = field(default_factory=installed_verifier)
    fresh_for: timedelta = timedelta(0)
    disk: Disk = field(default_factory=Disk)

    @property
    def source(self) -> Source:
        key = Key(fingerprint=self.repository.key.fingerprint, url=self.server.url("key.asc"))
        return Source(kind="apt", url=self.server.url("apt"), suite={"jammy": "jammy", "default": "focal"}, key=key)

    def repositories(self) -> Repositories:
        return Repositories(
            Http(HURRY), self.layout, self.disk, self.now, fresh_for=self.fresh_for, verifier=self.verifier
        )

    def open(self, *sources: Source, allow_expired: bool = False, offline: bool = False) -> OpenedIndex:
        return self.repositories().open(
            sources or (self.source,), HOST, allow_expired=allow_expired, offline=offline
        )

    def versions(self, name: str = "hip", **options: bool) -> list[str]:
        opened = self.open(**options)
        return [one.version for index, _ in opened.indexes for one in index.candidates(name)]

    def break_off(self) -> None:
        """No answer any more, from nothing."""
        self.server.misbehave("apt/dists/jammy/InRelease", Fault(status=503))
        self.server.misbehave("key.asc", Fault(status=503))


def refused(site: Site, kind: type[RocmswitchError] = VerificationFailed, **options: bool) -> str:
    """What opening the repository fails with."""
    with pytest.raises(kind) as caught:
        site.open(**options)
    return caught.value.message


def kept_files(site: Site) -> set[str]:
    folders = (site.layout.indexes, site.layout.seen)
    return {path.suffix for folder in folders if folder.is_dir() for path in folder.iterdir()}
