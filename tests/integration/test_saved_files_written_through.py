"""What is saved by a second name is written to through the first: that is noticed at a glance."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from rocmswitch.operations.history import look
from rocmswitch.planning.drift import DAMAGED
from tests.support.deployments import LIBRARY, Ground, adopt, deploy_with_copies, in_memory
from tests.support.disk import HastyDisk


@pytest.fixture
def ground() -> Iterator[Ground]:
    with in_memory() as folder:
        ground = Ground(folder / "ground")
        ground.furnish()
        yield ground


def state(ground: Ground) -> str:
    (outlook,) = look(ground.ledger(), None, HastyDisk()).outlooks
    return outlook.state


def test_bytes_that_were_copied_over_an_adopted_original_are_noticed_though_they_are_as_many(ground: Ground):
    adopt(ground, HastyDisk())
    original = ground.site / f"{LIBRARY}.original"
    assert original.samefile(ground.layout.backups / "1/0.before")
    before = state(ground)

    original.write_bytes(b"NEWER" * 500)

    assert (before == DAMAGED, state(ground)) == (False, DAMAGED)


def test_a_file_that_was_only_touched_is_not_called_damaged(ground: Ground):
    adopt(ground, HastyDisk())

    os.utime(ground.site / f"{LIBRARY}.original")

    assert state(ground) != DAMAGED


def test_a_copy_is_not_called_damaged_for_being_newer_than_its_original(ground: Ground):
    deploy_with_copies(ground, HastyDisk())

    assert state(ground) != DAMAGED
