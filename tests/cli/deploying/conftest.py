"""Somebody with an empty account, a patched library, and an environment that rocmswitch did not make."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.patched import foreign, patched, write


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path)
    line.home.mkdir(exist_ok=True)
    return line


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The environment's site-packages."""
    return foreign(tmp_path / "my venv")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return write(tmp_path / "built here/libMIOpen.so", patched())
