"""One server with an rpm repository and its owner's keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.store.layout import Layout
from tests.support.keys import KeyFolder, SigningKey
from tests.support.rpmrepository import RpmRepository
from tests.support.rpmsite import HIP, RpmSite
from tests.support.server import Server


@pytest.fixture(scope="module")
def folder() -> Iterator[KeyFolder]:
    with KeyFolder() as folder:
        yield folder


@pytest.fixture(scope="module")
def key(folder: KeyFolder) -> SigningKey:
    return folder.modern()


@pytest.fixture
def site(tmp_path: Path, key: SigningKey) -> Iterator[RpmSite]:
    """A server with one repository that holds HIP, and a machine that opens it."""
    folder = tmp_path / "served"
    repository = RpmRepository(folder / "rpm", key).add(HIP).publish()
    repository.publish_key(folder / "key.asc")
    with Server(folder) as server:
        yield RpmSite(server, repository, Layout.under(tmp_path / "home"))
