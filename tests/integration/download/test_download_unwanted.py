"""What was begun ahead and turns out to be unwanted does not hold up what is wanted."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.model.package import PINNED, Artifact, Digest
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from tests.support.server import Fault, Server

SLOW = Patience(connect=2, stall=10, attempts=1)


def test_what_is_wanted_does_not_wait_for_unwanted_files_that_stall(tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    with Server(tmp_path / "served") as server:
        unwanted = [offered(server, f"unwanted-{number}.deb") for number in range(3)]
        wanted = offered(server, "wanted.deb")
        for one in unwanted:
            server.misbehave(one.filename, Fault(stall_after=7))
        downloads = Downloads(Http(SLOW), Cache(tmp_path / "sha256", tmp_path / "partial", Disk()), jobs=3)

        with downloads.ahead(unwanted):
            while len(server.requests) < 3:
                time.sleep(0.01)
            begun = time.monotonic()
            ((_, path),) = downloads.fetch([wanted], Silent())
            took = time.monotonic() - begun

    assert path.read_bytes().startswith(b"wanted.deb")
    assert took < SLOW.stall / 2


def offered(server: Server, name: str) -> Artifact:
    content = name.encode() * 1000
    (server.folder / name).write_bytes(content)
    digest = Digest.sha256(hashlib.sha256(content).hexdigest())
    return Artifact(name, "1", name, (server.url(name),), len(content), digest, PINNED)
