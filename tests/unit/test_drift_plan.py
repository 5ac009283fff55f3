"""What became of recorded changes, told from what stands at their paths."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.deployment import FILE, FileState, Generation, Place, Seen
from rocmswitch.planning.drift import Facts, Ground, in_force, judge, taken_back, told_by_lstat
from tests.support.generations import LIBRARY, ROOT, SPOT, generation, ground, restore, seen, state, step, undo

OTHER = "torch/lib/librocblas.so"
AGAIN = (("deploy", "--again", "1"), ("backup", "prune", "1"))
FORGET = (("backup", "prune", "1"),)


def numbers(generations: tuple[Generation, ...]) -> list[int]:
    return [one.number for one in generations]


def told(generations: list[Generation], facts: Facts) -> list[str]:
    return [one.told for one in judge(generations, facts)]


def test_an_undo_of_an_undo_brings_the_change_back_into_force():
    first, second, third = generation(1), undo(2, 1), undo(3, 2)

    assert numbers(in_force([first])) == [1]
    assert numbers(in_force([first, second])) == [2]
    assert numbers(in_force([first, second, third])) == [1, 3]


def test_a_restore_takes_several_back_and_its_undo_brings_them_back():
    changes = [generation(1), generation(2), restore(3, (1, 2))]

    assert taken_back(changes) == {1: 3, 2: 3}
    assert taken_back([*changes, undo(4, 3)]) == {3: 4}


def test_an_undo_that_names_itself_or_a_later_one_takes_nothing_back():
    assert taken_back([generation(1), undo(2, 2), undo(3, 4)]) == {}


def test_a_change_that_was_broken_off_takes_nothing_back_and_is_not_in_force():
    broken = replace(undo(2, 1), interrupted=True)

    assert numbers(in_force([generation(1), broken])) == [1]


def test_what_stands_as_it_was_put_is_in_force():
    (found,) = judge([generation(1, step("old", "new"))], Facts({SPOT: ground("new")}))

    assert (found.told, found.remedies) == ("in force", ())


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (ground("other"), "replaced"),
        (ground("old"), "replaced"),
        (ground("->new"), "replaced"),
        (ground(""), "gone"),
        (Ground(is_reached=False), "gone"),
        (Ground(seen("xyz"), FileState(FILE, size=3)), "replaced"),
    ],
)
def test_what_no_longer_stands_there_is_told_with_two_ways_on(now: Ground, state: str):
    (found,) = judge([generation(1, step("old", "new"))], Facts({SPOT: now}))

    assert (found.state, found.files, found.remedies) == (state, (LIBRARY,), AGAIN)


def test_only_the_lost_files_are_named():
    change = generation(1, step("a", "b"), step("c", "d", OTHER))

    (found,) = judge([change], Facts({SPOT: ground("b"), (ROOT, OTHER): ground("c")}))

    assert (found.state, found.files) == ("replaced", (OTHER,))


def test_what_was_not_read_is_given_the_benefit_of_the_doubt():
    unread = Ground(seen("xyz"), FileState(FILE, size=3), is_told=False)

    assert told([generation(1, step("old", "new"))], Facts({SPOT: unread})) == ["in force"]


def test_a_later_change_of_the_same_path_covers_the_earlier_one():
    changes = [generation(1, step("old", "new")), generation(2, step("new", "newer"))]

    assert told(changes, Facts({SPOT: ground("newer")})) == ["covered by 2", "in force"]


def test_a_removal_that_was_let_go_covers_nothing():
    changes = [
        generation(1, step("", "->a"), verb="default"),
        generation(2, step("->a", ""), verb="remove"),
        generation(3, step("", "->b"), verb="default"),
        undo(4, 3, step("->b", "")),
    ]

    assert told(changes[:2], Facts({SPOT: ground("")})) == ["covered by 2", "in force"]
    assert told(changes[:2], Facts({SPOT: ground("")}, pruned={2})) == ["gone", "pruned"]
    assert told(changes[:3], Facts({SPOT: ground("->b")}, pruned={2})) == ["covered by 3", "pruned", "in force"]
    assert told(changes, Facts({SPOT: ground("")}, pruned={2, 4}))[2] == "taken back by 4"


def test_after_the_later_change_was_taken_back_the_earlier_one_stands_there_again():
    changes = [
        generation(1, step("old", "new")),
        generation(2, step("new", "newer")),
        undo(3, 2, step("newer", "new")),
    ]

    assert told(changes, Facts({SPOT: ground("new")})) == ["in force", "taken back by 3", "in force"]


def test_an_environment_that_is_gone_can_only_be_let_go():
    (found,) = judge([generation(1, step("old", "new"))], Facts({SPOT: ground("")}, places={1: "gone"}))

    assert (found.state, found.remedies) == ("gone", FORGET)


def test_an_environment_of_ours_that_is_another_tree_now_was_made_anew_though_the_file_is_there():
    change = generation(1, step("old", "new"))

    assert told([change], Facts({SPOT: ground("new")}, places={1: "anew"})) == ["made anew"]


def test_another_folder_at_the_same_path_counts_only_where_the_file_is_another_too():
    change = generation(1, step("old", "new"))

    assert told([change], Facts({SPOT: ground("new")}, places={1: "moved"})) == ["in force"]
    assert told([change], Facts({SPOT: ground("old")}, places={1: "moved"})) == ["made anew"]


def test_a_stack_that_was_removed_and_installed_again_was_made_anew():
    place = Place("scope", "acme-1.0", "/x", "/x", 0, 0)
    removal = generation(1, step("->.trees/a", ""), verb="remove", place=place)

    (found,) = judge([removal], Facts({SPOT: ground("->.trees/b")}))

    assert (found.state, found.remedies) == ("made anew", FORGET)


def test_what_was_let_go_or_damaged_or_broken_off_is_told_as_that():
    change = generation(1, step("old", "new"))
    broken = replace(change, interrupted=True)

    assert told([change], Facts({SPOT: ground("old")}, pruned={1})) == ["pruned"]
    assert told([change], Facts({SPOT: ground("new")}, damaged={1: (LIBRARY,)})) == ["damaged backup"]
    assert told([broken], Facts({SPOT: ground("old")})) == ["interrupted"]


def test_what_was_broken_off_can_be_undone_unless_somebody_elses_file_stands_there():
    broken = replace(generation(1, step("old", "new")), interrupted=True)

    found = {there: judge([broken], Facts({SPOT: ground(there)}))[0].remedies for there in ("new", "", "other")}

    assert found == {"new": (("undo", "1"), *FORGET), "": (("undo", "1"), *FORGET), "other": FORGET}


def test_lstat_alone_tells_what_is_as_it_was_put_though_it_has_a_new_name():
    placed = Seen(FILE, 1, 7, 3, 5, 100)
    named_again = replace(placed, changed=200)

    assert told_by_lstat(named_again, [(placed, state("new"))]) == state("new")


def test_a_size_that_no_record_knows_needs_no_reading_and_one_that_is_known_does():
    known = [(seen("new", inode=7), state("new")), (Seen(), state("old"))]

    assert told_by_lstat(seen("other", inode=9), known) == FileState(FILE, size=5)
    assert told_by_lstat(seen("xyz", inode=9), known) is None


def test_what_is_absent_or_a_link_is_told_without_reading():
    assert told_by_lstat(Seen(), [(seen("new"), state("new"))]) == FileState()
    assert told_by_lstat(seen("->x"), []) == state("->x")


def test_a_tree_of_its_own_that_is_gone_can_only_be_let_go():
    variant = generation(1, step("", "->.trees/acme-1.0+patched-0123456789ab"))

    (found,) = judge([variant], Facts({SPOT: ground("")}))

    assert (found.state, found.remedies) == ("gone", FORGET)
