"""Looking at what was recorded: each record is read once, and one that cannot be read stops nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.deployments import WAIT, Ground, deploy, in_memory, undo
from tests.support.disk import HastyDisk
from tests.support.patched import write


@pytest.fixture
def ground() -> Iterator[Ground]:
    with in_memory() as folder:
        ground = Ground(folder / "ground")
        ground.furnish()
        yield ground


def test_a_record_is_read_once(ground: Ground):
    deploy(ground, HastyDisk())
    undo(ground, HastyDisk())
    ledger = ground.ledger()

    first, second = ledger.generations(), ledger.generations()

    assert [one is other for one, other in zip(first, second, strict=True)] == [True, True]
    assert ledger.generation(2) is first[1]


def test_a_record_that_is_damaged_later_is_noticed_all_the_same(ground: Ground):
    deploy(ground, HastyDisk())
    ledger = ground.ledger()
    before = ledger.damaged()
    record = ground.layout.backups / "1/record"

    write(record, record.read_bytes()[:-9])

    assert (before, ledger.damaged(), ledger.newest) == ((), (1,), 1)


@pytest.mark.parametrize("what", ["a folder", "a symlink to nowhere"])
def test_what_was_saved_is_no_debris_because_its_record_is_something_else(what: str, ground: Ground):
    deploy(ground, HastyDisk())
    record = ground.layout.backups / "1/record"
    record.unlink()
    if what == "a folder":
        record.mkdir()
    else:
        record.symlink_to("nowhere")

    ground.ledger().settle(wait=WAIT)

    assert (ground.ledger().damaged(), ground.ledger().newest) == ((1,), 1)
    assert (ground.layout.backups / "1/0.before").read_bytes() == b"original" * 500
