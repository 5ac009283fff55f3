"""Each Python that a guest has to work in, as far as this machine has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.errors import NotFound
from rocmswitch.store.interpreters import find_interpreter
from rocmswitch.store.virtualenv import Uv
from tests.support.disk import HastyDisk

PYTHONS = ("3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


@pytest.fixture(params=PYTHONS)
def python(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of one. Nothing is downloaded: the test is skipped where it is not there."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    try:
        return find_interpreter(request.param, (), Uv(tmp_path / "uv", HastyDisk())).executable
    except NotFound as error:
        return str(pytest.skip(str(error)))
