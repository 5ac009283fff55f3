"""Answers that no honest server gives are errors of the network, never of the user and never a crash."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.errors import NetworkFailed, VerificationFailed
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from tests.support.downloads import CONTENT, artifact, fetch
from tests.support.server import Fault, Server


@pytest.fixture
def http() -> Http:
    return Http(Patience(connect=2, stall=2, attempts=1))


@pytest.mark.parametrize("target", ["http://[1::g]/x", "http://a b:port/x", "http://.example/x"])
def test_a_redirect_to_no_address_is_the_servers_mistake(tmp_path: Path, http: Http, target: str) -> None:
    with Server(tmp_path) as server:
        server.misbehave("moved", Fault(redirect=target))

        with pytest.raises(NetworkFailed):
            http.read(server.url("moved"), limit=10)


def test_a_mirror_that_redirects_to_no_address_gives_way_to_the_next(tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www/a.deb").write_bytes(CONTENT)
    cache = Cache(tmp_path / "sha256", tmp_path / "partial", Disk())
    with Server(tmp_path / "www") as server:
        server.misbehave("bad.deb", Fault(redirect="http://a b:port/x"))

        (path,) = fetch(cache, artifact(server.url("bad.deb"), server.url("a.deb")))

    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000,
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + b"9" * 5000 + b"-1/*",
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/" + b"9" * 5000,
    ],
    ids=["a length", "an offset", "a total"],
)
def test_a_number_without_end_is_the_servers_mistake(http: Http, head: bytes) -> None:
    with says(head + b"\r\n\r\nmuch more than this") as url, pytest.raises((NetworkFailed, VerificationFailed)):
        http.read(url, limit=4)


@contextlib.contextmanager
def says(answer: bytes) -> Iterator[str]:
    """The URL of a server that gives this *answer* once."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        thread.join()
