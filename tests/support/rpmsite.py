"""A server with one rpm repository, and a machine that opens it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pytest

from rocmswitch.errors import RocmswitchError, VerificationFailed
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.repository import OpenedIndex, Repositories
from rocmswitch.fetch.signature import installed_verifier
from rocmswitch.fetch.signed import Verifier
from rocmswitch.model.host import Host
from rocmswitch.model.source import Key, Source
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk
from tests.support.rpmrepository import Rpm, RpmRepository
from tests.support.server import Fault, Server
from tests.support.site import HURRY, NOW

HOST = Host("rocky", ("rhel", "centos", "fedora"), "", "amd64", "2.34", "9.4")
HIP = Rpm("hip", "5.2", requires=("hsa >= 5",))


@dataclass
class RpmSite:
    """Arranges a repository and opens it."""

    server: Server
    repository: RpmRepository
    layout: Layout
    now: datetime = NOW
    verifier: Verifier = field(default_factory=installed_verifier)

    @property
    def source(self) -> Source:
        key = Key(fingerprint=self.repository.key.fingerprint, url=self.server.url("key.asc"))
        return Source(kind="rpm", url=self.server.url("rpm"), key=key)

    def repositories(self) -> Repositories:
        return Repositories(Http(HURRY), self.layout, Disk(), self.now, verifier=self.verifier)

    def open(self, *sources: Source, offline: bool = False, mirror: str | None = None) -> OpenedIndex:
        return self.repositories().open(sources or (self.source,), HOST, offline=offline, mirror=mirror)

    def versions(self, name: str = "hip", **options: bool) -> list[str]:
        opened = self.open(**options)
        return [one.version for index, _ in opened.indexes for one in index.candidates(name)]

    def primary(self) -> str:
        """The path on the server of primary.xml, packed as it is."""
        (path,) = self.repository.repodata.glob("*primary.xml*")
        return f"rpm/repodata/{path.name}"

    def break_off(self) -> None:
        """No answer any more, from nothing."""
        self.server.misbehave("rpm/repodata/repomd.xml", Fault(status=503))
        self.server.misbehave("key.asc", Fault(status=503))


def refused(site: RpmSite, kind: type[RocmswitchError] = VerificationFailed, **options: bool) -> str:
    """What opening the repository fails with."""
    with pytest.raises(kind) as caught:
        site.open(**options)
    return caught.value.message
