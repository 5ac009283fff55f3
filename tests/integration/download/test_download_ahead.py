"""Downloads that begin before it is certain what is wanted."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.model.package import PINNED, SIGNED, Artifact, Digest
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from tests.support.server import Fault, Server

HURRY = Patience(connect=2, stall=2, attempts=2, pause=0.01, longest_pause=0.02)
CONTENTS = {name: name.encode() * 1000 for name in ("likely.deb", "unwanted.deb", "late.deb")}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    with Server(folder) as server:
        yield server


@pytest.fixture
def downloads(tmp_path: Path) -> Downloads:
    return Downloads(Http(HURRY), Cache(tmp_path / "cache/sha256", tmp_path / "cache/partial", Disk()))


def artifact(name: str, url: str, verification: str = SIGNED) -> Artifact:
    content = CONTENTS[name]
    digest = Digest.sha256(hashlib.sha256(content).hexdigest())
    return Artifact(name, "1", name, (url,), len(content), digest, verification)


def asked(server: Server) -> list[str]:
    return sorted(request.path for request in server.requests)


def wait_for(count: int, server: Server) -> None:
    end = time.monotonic() + 10
    while len(server.requests) < count and time.monotonic() < end:
        time.sleep(0.01)


def test_what_was_begun_ahead_is_fetched_once_and_told_from_its_start(downloads: Downloads, server: Server) -> None:
    class Told(Silent):
        total = 0

        def started(self, artifact: Artifact, already: int) -> None:
            self.total += already

        def advanced(self, artifact: Artifact, count: int) -> None:
            self.total += count

    told, likely = Told(), artifact("likely.deb", server.url("likely.deb"), PINNED)
    planned = artifact("likely.deb", server.url("likely.deb"))
    late = artifact("late.deb", server.url("late.deb"))

    with downloads.ahead([likely]):
        wait_for(1, server)
        found = dict(downloads.fetch([planned, late], told))

    assert {one.name: path.read_bytes() for one, path in found.items()} == {
        name: CONTENTS[name] for name in ("likely.deb", "late.deb")
    }
    assert set(found) == {planned, late}
    assert asked(server) == ["/late.deb", "/likely.deb"]
    assert told.total == planned.size + late.size


def test_what_turns_out_not_to_be_wanted_is_left_out(downloads: Downloads, server: Server) -> None:
    unwanted = artifact("unwanted.deb", server.url("unwanted.deb"))
    planned = artifact("likely.deb", server.url("likely.deb"))

    with downloads.ahead([unwanted]):
        found = [one for one, _ in downloads.fetch([planned], Silent())]

    assert found == [planned]


def test_a_forecast_whose_server_is_gone_does_no_harm(downloads: Downloads, server: Server) -> None:
    gone = artifact("likely.deb", server.url("nowhere.deb"), PINNED)
    planned = artifact("likely.deb", server.url("likely.deb"))

    with downloads.ahead([gone]):
        wait_for(1, server)
        found = [one for one, _ in downloads.fetch([planned], Silent())]

    assert found == [planned]


def test_when_nothing_is_wanted_after_all_no_thread_stays(downloads: Downloads, server: Server) -> None:
    server.misbehave("likely.deb", Fault(stall_after=10))

    with downloads.ahead([artifact("likely.deb", server.url("likely.deb"))]):
        wait_for(1, server)

    assert [one.name for one in threading.enumerate() if "_work" in one.name] == []
