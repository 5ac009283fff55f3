"""A person with an empty account, and a server with the small stack acme-1.0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acme import AcmeSite
from tests.support.commandline import CommandLine
from tests.support.keys import KeyFolder, SigningKey


@pytest.fixture(scope="session")
def key() -> Iterator[SigningKey]:
    with KeyFolder() as folder:
        yield folder.modern()


@pytest.fixture
def site(tmp_path: Path, key: SigningKey) -> Iterator[AcmeSite]:
    with AcmeSite(tmp_path / "server", key) as site:
        yield site


@pytest.fixture
def line(tmp_path: Path, site: AcmeSite) -> CommandLine:
    """Has the manifest of acme-1.0, and nothing installed."""
    return site.person(tmp_path)
