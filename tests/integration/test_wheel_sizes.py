"""How many bytes wheels take unpacked, for the room that is asked for before they are fetched."""

from __future__ import annotations

import hashlib
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.fetch.http import Http, Patience
from rocmswitch.model.package import PINNED, Artifact, Digest, Unhashed
from rocmswitch.operations.wheelsizes import Scale
from rocmswitch.planning.wheels import estimated_size
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from tests.support.server import Fault, Server

HURRY = Patience(connect=2, stall=2, attempts=2, pause=0.01)
LARGE, SMALL = "large-1-py3-none-any.whl", "small-1-py3-none-any.whl"
NOISE, ZEROS = 9_000_000, 60_000_000
"""Bytes that cannot be compressed, and bytes that can: together more than any factor tells."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    for file, noise, zeros in ((LARGE, NOISE, ZEROS), (SMALL, 1000, 1_000_000)):
        with zipfile.ZipFile(folder / file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("a.bin", random.Random(1).randbytes(noise), zipfile.ZIP_STORED)
            archive.writestr("b.bin", bytes(zeros))
            archive.writestr(f"{file.partition('-')[0]}-1.dist-info/METADATA", "")
    with Server(folder) as server:
        yield server


@pytest.fixture
def scale(tmp_path: Path) -> Scale:
    return Scale(Http(HURRY), Cache(tmp_path / "sha256", tmp_path / "partial", Disk()), lambda url: url)


def wheel(server: Server, name: str) -> Artifact:
    content = (server.folder / name).read_bytes()
    digest = Digest.sha256(hashlib.sha256(content).hexdigest())
    return Artifact(name.partition("-")[0], "1", name, (server.url(name),), len(content), digest, PINNED)


def test_a_large_wheel_is_as_large_as_its_table_of_contents_says(server: Server, scale: Scale) -> None:
    known = wheel(server, LARGE)
    unknown = Unhashed("large", "1", LARGE, known.urls[0], known.size)

    assert [scale.unpacked([one]) for one in (known, unknown)] == [NOISE + ZEROS] * 2
    assert all(one.range for one in server.requests)


def test_for_a_small_wheel_no_server_is_asked(server: Server, scale: Scale) -> None:
    small = wheel(server, SMALL)

    assert scale.unpacked([small, small]) == 2 * estimated_size([small.size])
    assert server.requests == []


def test_of_a_wheel_in_the_cache_the_table_is_read_whatever_its_size(server: Server, scale: Scale) -> None:
    small = wheel(server, SMALL)
    scale.cache.archives.mkdir()
    (scale.cache.archives / small.digest.value).write_bytes((server.folder / SMALL).read_bytes())

    assert scale.unpacked([small]) == 1_001_000
    assert server.requests == []


@pytest.mark.parametrize("fault", (Fault(ignore_range=True), Fault(status=404), Fault(status=503)))
def test_where_the_server_tells_nothing_it_is_estimated(fault: Fault, server: Server, scale: Scale) -> None:
    server.misbehave(LARGE, fault)
    large = wheel(server, LARGE)

    assert scale.unpacked([large]) == estimated_size([large.size])
