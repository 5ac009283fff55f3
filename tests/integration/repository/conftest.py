"""One server and its owner's keys, for all that is tested of repositories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.store.layout import Layout
from tests.support.aptrepository import AptRepository
from tests.support.keys import KeyFolder, SigningKey
from tests.support.server import Server
from tests.support.site import HIP, Site


@pytest.fixture(scope="module")
def folder() -> Iterator[KeyFolder]:
    with KeyFolder() as folder:
        yield folder


@pytest.fixture(scope="module")
def key(folder: KeyFolder) -> SigningKey:
    return folder.modern()


@pytest.fixture
def site(tmp_path: Path, key: SigningKey) -> Iterator[Site]:
    """A server with one repository that holds HIP, and a machine that opens it."""
    folder = tmp_path / "served"
    repository = AptRepository(folder / "apt", key, suite="jammy").add(HIP).publish()
    repository.publish_key(folder / "key.asc")
    with Server(folder) as server:
        yield Site(server, repository, Layout.under(tmp_path / "home"))
