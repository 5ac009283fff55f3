"""A journal that cannot be read: nothing is taken back by it, nothing that was saved is lost, all works again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.errors import Failed, VerificationFailed
from rocmswitch.metadata.journal import encode_journal, parse_journal
from rocmswitch.operations.keeping import kept_trees
from rocmswitch.system.disk import Change
from tests.support.deployments import (
    LIBRARY,
    Ground,
    assert_whole,
    broken_off,
    deploy,
    in_memory,
)
from tests.support.disk import HastyDisk, PowerCut


@pytest.fixture
def ground() -> Iterator[Ground]:
    """The power was cut after the first of several files got its place."""
    with in_memory() as folder:
        ground = Ground(folder / "ground")
        ground.furnish()
        broken_off(deploy, "rename_in", 1)(ground, HastyDisk())
        assert ground.ledger().is_interrupted
        yield ground


def journal(ground: Ground) -> Path:
    return ground.layout.open_journal


def garble(ground: Ground, line: int) -> None:
    lines = journal(ground).read_bytes().splitlines(keepends=True)
    lines[line] = lines[line][:20] + bytes([lines[line][20] ^ 1]) + lines[line][21:]
    journal(ground).write_bytes(b"".join(lines))


def lines(ground: Ground) -> int:
    return len(journal(ground).read_bytes().splitlines())


def test_whichever_line_is_damaged_nothing_is_lost_and_everything_works_again(ground: Ground):
    start = ground.folder.with_name("start")
    ground.copy_to(start)

    for line in range(lines(ground)):
        Ground(start).copy_to(ground.folder)
        garble(ground, line)
        garbled, site = journal(ground).read_bytes(), ground.view()
        saved = {path.name: path.read_bytes() for path in (ground.layout.backups / "1").glob("*.before")}
        with pytest.raises(VerificationFailed) as caught:
            ground.ledger().settle(wait=0)

        aside = ground.ledger().set_aside(wait=0)

        assert caught.value.hint == "run `rocmswitch history`"
        assert aside is not None and (aside.number, aside.interrupted, aside.steps) == (1, True, ())
        assert ground.view() == site, "nothing is guessed"
        folder = ground.layout.backups / "1"
        assert saved and {path.name: path.read_bytes() for path in folder.glob("*.before")} == saved
        assert (folder / "journal").read_bytes() == garbled
        assert ground.ledger().settle(wait=0) is None
        assert (ground.ledger().set_aside(wait=0), ground.ledger().is_interrupted) == (None, False)
        done = ground.carry_out(None, "deploy", ground.replacement(LIBRARY, ground.patched()))
        assert done.number == 2


def test_it_says_what_may_be_half_changed_and_where_that_is_saved(ground: Ground):
    garble(ground, lines(ground) - 1)

    aside = ground.ledger().set_aside(wait=0)

    assert aside is not None and aside.intent.verb == "deploy"
    told = "\n".join(aside.intent.notes)
    assert f"{ground.site / LIBRARY} may be old or new; what stood there before is saved as" in told
    saved = Path(told.partition("is saved as ")[2].partition("\n")[0])
    assert saved.read_bytes() == b"original" * 500
    assert "may lie beside it" in told and "other files" not in told


def test_with_nothing_left_to_read_it_says_so(ground: Ground):
    journal(ground).write_bytes(b"\0" * 4096)

    aside = ground.ledger().set_aside(wait=0)

    assert aside is not None and (aside.intent.verb, aside.intent.place.name) == ("unknown", "unknown")
    told = "\n".join(aside.intent.notes)
    assert "it may have changed other files, too" in told
    assert str(ground.layout.backups / "1/0.before") in told


def test_trees_stay_until_it_is_let_go_because_nobody_can_tell_which_are_needed(ground: Ground):
    garble(ground, 0)
    ground.ledger().set_aside(wait=0)

    before = kept_trees(ground.ledger())
    ground.ledger().prune([1], wait=0)

    assert (before, kept_trees(ground.ledger())) == (None, frozenset())
    assert sorted(path.name for path in (ground.layout.backups / "1").iterdir()) == ["pruned", "record"]


def test_what_was_recorded_before_its_journal_was_damaged_is_complete(ground: Ground):
    ground.ledger().settle(wait=0)
    broken_off(deploy, "rename", 3)(ground, HastyDisk())
    whole = ground.ledger().generations()
    garble(ground, lines(ground) - 1)

    aside = ground.ledger().set_aside(wait=0)

    assert (aside, ground.ledger().is_interrupted, len(whole)) == (None, False, 1)
    assert ground.ledger().generations() == whole
    assert_whole(ground)


def test_a_journal_that_can_be_read_is_not_set_aside(ground: Ground):
    assert ground.ledger().set_aside(wait=0) is None

    assert ground.ledger().settle(wait=0) is not None
    assert_whole(ground)


def test_one_of_a_newer_version_is_left_to_it(ground: Ground):
    text = b'{"record":"begin","schema":2}'
    journal(ground).write_bytes(hashlib.sha256(text).hexdigest()[:16].encode() + b" " + text + b"\n")
    before = journal(ground).read_bytes()

    with pytest.raises(Failed, match="another rocmswitch"):
        ground.ledger().set_aside(wait=0)

    assert journal(ground).read_bytes() == before


class Cut(HastyDisk):
    """Loses power before the change number *at*."""

    def __init__(self, at: int) -> None:
        self._left = at

    def about_to(self, change: Change) -> None:
        self._left -= 1
        if self._left < 0:
            raise PowerCut(change)


def test_a_cut_before_any_change_of_it_is_made_up_for_once(ground: Ground):
    garble(ground, 1)
    start = ground.folder.with_name("start")
    ground.copy_to(start)
    saved = (ground.layout.backups / "1/0.before").read_bytes()

    for at in range(100):
        Ground(start).copy_to(ground.folder)
        try:
            ground.ledger(Cut(at)).set_aside(wait=0)
        except PowerCut:
            ground.ledger().set_aside(wait=0)
        else:
            break
        assert [one.number for one in ground.ledger().generations()] == [1]
        assert not ground.ledger().is_interrupted and ground.ledger().settle(wait=0) is None
        assert (ground.layout.backups / "1/0.before").read_bytes() == saved
    assert at > 3


def test_a_change_of_no_file_is_noted(ground: Ground):
    ground.ledger().settle(wait=0)
    deploy(ground, HastyDisk())
    intent = ground.ledger().generation(1).intent

    noted = ground.ledger().note(intent, wait=0, expected=1)

    assert (noted.number, noted.steps, ground.ledger().generation(2)) == (2, (), noted)
    content = (ground.layout.backups / "2/record").read_bytes()
    assert encode_journal(parse_journal(content, "record", done=True)) == content
    with pytest.raises(Failed, match="since this was planned"):
        ground.ledger().note(intent, wait=0, expected=1)
