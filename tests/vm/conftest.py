"""Machines for the tests in this folder: told to the table, gone afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.vm import image
from tests.vm.machine import Machine

Machines = Callable[..., Machine]


@pytest.fixture
def machines(record_property: Callable[[str, Any], None]) -> Iterator[Machines]:
    """machines(row, how it was broken, by which edition, suite): a fresh one, or the test is skipped."""
    told: dict[str, Any] = {"row": "", "how": "", "by": "", "boots": 0, "waited": 0.0}

    def make(row: str, how: str, by: str, suite: str = image.BOOKWORM) -> Machine:
        told.update(row=row, how=how, by=by, suite=suite)
        record_property("vm", told)
        started = time.monotonic()
        image.base_image(suite)
        told.update(waited=time.monotonic() - started, building=image.seconds_to_build(suite))
        return Machine(folder, suite, told)

    with image.workplace() as folder:
        yield make
