"""Files that are downloaded, by a thread of the test or by a process of its own."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rocmswitch.errors import NetworkFailed
from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.model.package import SIGNED, Artifact, Digest
from rocmswitch.store.cache import Cache
from tests.support.server import Fault, Server

HURRY = Patience(connect=2, stall=0.8, attempts=3, pause=0.01, longest_pause=0.02)
PATIENT = Patience(stall=3600)
"""Waits an hour for a silent server: whoever ends sooner was told to."""

SIZE = 300_000
CONTENT = random.Random(1).randbytes(SIZE)
OTHER = random.Random(2).randbytes(SIZE)


class Told(Silent):
    """Progress that remembers."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.bytes = 0
        self.ends = 0
        self.texts: list[str] = []

    def started(self, artifact: Artifact, already: int) -> None:
        self.starts.append(already)
        self.bytes = already

    def advanced(self, artifact: Artifact, count: int) -> None:
        self.bytes += count

    def finished(self, artifact: Artifact) -> None:
        self.ends += 1

    def said(self, text: str) -> None:
        self.texts.append(text)


WRONG = hashlib.sha256(OTHER).hexdigest()
RIGHT = hashlib.sha256(CONTENT).hexdigest()


def artifact(*urls: str, content: bytes = CONTENT) -> Artifact:
    digest = Digest.sha256(hashlib.sha256(content).hexdigest())
    return Artifact("a", "1", "a.deb", urls, len(content), digest, SIGNED)


def fetch(cache: Cache, *artifacts: Artifact, told: Told | None = None, jobs: int = 4) -> list[Path]:
    downloads = Downloads(Http(HURRY), cache, jobs=jobs)
    return [path for _, path in downloads.fetch(artifacts, told or Silent())]


def cut_short(server: Server, cache: Cache, at: int, *, url: str = "a.deb") -> None:
    """A first run that ends after *at* bytes."""
    server.misbehave(url, Fault(cut_after=at, times=1), Fault(status=503))
    with pytest.raises(NetworkFailed):
        fetch(cache, artifact(server.url(url)))
    server.behave()
    server.requests.clear()


PROGRAM = """
import sys
from pathlib import Path
from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.model.package import Artifact, Digest
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk

url, value, size, folder = sys.argv[1:]
cache = Cache(Path(folder) / "sha256", Path(folder) / "partial", Disk())
wanted = Artifact("a", "1", "a.deb", (url,), int(size), Digest.sha256(value), "signed")
try:
    for _, path in Downloads(Http(Patience(stall=3600)), cache).fetch([wanted], Silent()):
        print(path)
except KeyboardInterrupt:
    sys.exit(130)
"""


def in_a_process(server: Server, folder: Path) -> subprocess.Popen[bytes]:
    """`a.deb` of *server* into the cache in *folder*, by a process that waits an hour for a silent server."""
    words = [sys.executable, "-c", PROGRAM, server.url("a.deb"), RIGHT, str(SIZE), str(folder)]
    return subprocess.Popen(words, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])})


def wait_for_bytes(path: Path, count: int) -> None:
    """Until the file *path* has *count* bytes."""
    deadline = time.monotonic() + 20
    while not (path.exists() and path.stat().st_size >= count):
        assert time.monotonic() < deadline, f"{path} did not grow to {count} bytes"
        time.sleep(0.01)
