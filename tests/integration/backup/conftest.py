"""A library in a folder, and the folder of a generation that it is saved to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.system.folder import Folder
from tests.support.decorated import decorated_library


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path.resolve() / "site packages"
    place.mkdir()
    decorated_library(place / "lib.so")
    return place


@pytest.fixture
def folder(place: Path) -> Iterator[Folder]:
    with Folder.reached(place) as folder:
        yield folder


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Beside it, on the same disk."""
    saved = tmp_path.resolve() / "backups/7"
    saved.mkdir(parents=True, mode=0o700)
    return saved
