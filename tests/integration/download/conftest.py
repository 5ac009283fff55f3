"""A server with two copies of a file, and an empty cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from tests.support.downloads import CONTENT, Told
from tests.support.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.deb").write_bytes(CONTENT)
    (folder / "mirror.deb").write_bytes(CONTENT)
    with Server(folder) as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache/sha256", tmp_path / "cache/partial", Disk())


@pytest.fixture
def told() -> Told:
    return Told()
