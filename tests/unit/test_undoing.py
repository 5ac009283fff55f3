"""What has to stand at each path to take a change back, and what is refused."""

from __future__ import annotations

import pytest

from rocmswitch.errors import NotFound, Refused
from rocmswitch.model.deployment import FILE, FileState, NewLink, NoFile, Place, Replacement, SavedFile, Seen
from rocmswitch.planning.drift import Ground
from rocmswitch.planning.undoing import Wanted, choose, original, plan_restore, plan_undo
from tests.support.generations import (
    LIBRARY,
    PLACE,
    ROOT,
    SPOT,
    generation,
    ground,
    restore,
    seen,
    state,
    step,
    undo,
)

WANTED = Wanted(PLACE, (SPOT,), {})
PATH = f"{ROOT}/{LIBRARY}"
FIRST = generation(1, step("old", "new"))


def test_the_newest_in_force_is_undone_and_an_undo_never_without_its_number():
    changes = [FIRST, generation(2, step("new", "newer")), undo(3, 2, step("newer", "new"))]

    assert choose(changes, None).number == 1
    assert choose(changes, 3).number == 3


def test_a_restore_is_undone_like_any_other_change():
    assert choose([FIRST, restore(2, (1,), step("new", "old"))], None).number == 2


def test_where_nothing_is_in_force_there_is_nothing_to_undo():
    with pytest.raises(NotFound, match="nothing to undo"):
        choose([FIRST, undo(2, 1, step("new", "old"))], None)
    with pytest.raises(NotFound, match="nothing to undo"):
        choose([], None)


def test_a_number_that_is_not_there_is_not_found():
    with pytest.raises(NotFound, match="no generation 9"):
        choose([FIRST], 9)


def test_what_was_taken_back_already_names_the_way_to_have_it_again():
    with pytest.raises(Refused) as caught:
        choose([FIRST, undo(2, 1, step("new", "old"))], 1)

    assert caught.value.hint == "run `rocmswitch undo 2` to have it again"


def test_a_later_change_of_the_same_path_has_to_go_first():
    with pytest.raises(Refused) as caught:
        choose([FIRST, generation(2, step("new", "newer"))], 1)

    assert caught.value.message == f"generation 2 has changed `{LIBRARY}` after generation 1"
    assert caught.value.hint == "run `rocmswitch undo 2` first"


def test_a_later_change_that_was_taken_back_is_in_nobodys_way():
    changes = [FIRST, generation(2, step("new", "newer")), undo(3, 2, step("newer", "new"))]

    assert choose(changes, 1) == FIRST


def test_a_later_change_that_was_let_go_is_in_nobodys_way():
    """Nothing brings back what stood there before it, so to undo it first cannot be asked for."""
    changes = [FIRST, generation(2, step("new", "newer"))]

    assert choose(changes, None, {2}) == choose(changes, 1, {2}) == FIRST
    plan = plan_undo(FIRST, changes, {SPOT: ground("newer")}, {2})
    assert [one.then for one in plan.returns] == [state("old")]


def test_another_removal_of_the_same_name_is_in_nobodys_way():
    changes = [generation(number, step(f"->.trees/{number}", ""), verb="remove") for number in (1, 2)]

    assert choose(changes, 1) == changes[0]
    assert [one.then for one in plan_undo(changes[0], changes, {SPOT: ground("")}).returns] == [state("->.trees/1")]


def test_what_has_taken_the_name_of_what_was_removed_has_to_be_removed_first():
    place = Place("venv", LIBRARY, "/x", "/x", 0, 0)
    change = generation(1, step("->.trees/a", ""), verb="remove", place=place)

    with pytest.raises(Refused) as caught:
        plan_undo(change, [change], {SPOT: ground("->.trees/b")})

    assert caught.value.message == f"`{LIBRARY}` was made anew after generation 1 had removed it"
    assert caught.value.hint == f"run `rocmswitch remove {LIBRARY}`, then `rocmswitch undo 1`"


def test_an_undo_that_was_let_go_still_counts():
    changes = [FIRST, generation(2, step("new", "newer")), undo(3, 2, step("newer", "new"))]

    assert choose(changes, None, {3}) == FIRST
    with pytest.raises(Refused, match="is not what generation 1 put there"):
        plan_undo(FIRST, changes, {SPOT: ground("newer")}, {2, 3})


def test_what_was_gone_and_deployed_again_leads_back_to_what_was_there_before_it():
    changes = [FIRST, generation(2, step("", "new"))]

    assert original(changes, SPOT, "") == (FIRST, FIRST.steps[0])
    assert [one.then for one in plan_restore(WANTED, changes, {SPOT: ground("new")}).returns] == [state("old")]


def test_another_file_where_nothing_was_any_more_leads_back_to_nothing():
    """torch was reinstalled, perhaps in a version that does not have it."""
    changes = [FIRST, generation(2, step("", "another"))]

    assert original(changes, SPOT, "")[0].number == 2


def test_undoing_puts_back_what_was_saved_without_reading_what_was_put():
    plan = plan_undo(FIRST, [FIRST], {SPOT: ground("new")})

    expected = Replacement(*SPOT, seen("new"), SavedFile(1, "0.before", state("old")), known=state("new"))
    assert plan.replacements == (expected,)
    assert (plan.intent.verb, plan.intent.reverts, plan.expected) == ("undo", 1, 1)


def test_a_file_that_lstat_does_not_know_is_read_again_when_it_is_replaced():
    plan = plan_undo(FIRST, [FIRST], {SPOT: ground("new", inode=99)})

    assert [one.known for one in plan.replacements] == [None]


def test_undoing_removes_what_was_not_there_and_brings_links_back():
    added, linked = generation(1, step("", "new")), generation(1, step("->a", "->b"))

    assert plan_undo(added, [added], {SPOT: ground("new")}).replacements[0].content == NoFile()
    assert plan_undo(linked, [linked], {SPOT: ground("->b")}).replacements[0].content == NewLink("a")


def test_what_is_gone_is_put_back_and_what_is_as_before_is_left_alone():
    gone = plan_undo(FIRST, [FIRST], {SPOT: ground("")})
    back = plan_undo(FIRST, [FIRST], {SPOT: ground("old", inode=99)})

    assert [one.then for one in gone.returns] == [state("old")]
    assert (back.returns, back.replacements, back.done) == ((), (), (PATH,))


@pytest.mark.parametrize(
    ("verb", "hint"),
    [
        (
            "deploy",
            "run `rocmswitch deploy --again 1` to put it there once more, "
            "or `rocmswitch backup prune 1` to let it go",
        ),
        ("default", "run `rocmswitch backup prune 1` to let what it has saved go"),
    ],
)
def test_undoing_over_what_somebody_else_has_put_is_refused(verb: str, hint: str):
    change = generation(1, step("old", "new"), verb=verb)

    with pytest.raises(Refused) as caught:
        plan_undo(change, [change], {SPOT: ground("other")})

    assert (caught.value.message, caught.value.hint) == (f"`{PATH}` is not what generation 1 put there", hint)


def test_undoing_in_a_folder_that_is_gone_is_refused():
    with pytest.raises(Refused, match="the folder of"):
        plan_undo(FIRST, [FIRST], {SPOT: Ground(is_reached=False)})


def test_restoring_goes_back_before_the_first_of_several_deployments():
    changes = [FIRST, generation(2, step("new", "newer"))]

    plan = plan_restore(WANTED, changes, {SPOT: ground("newer")})

    assert [one.content for one in plan.replacements] == [SavedFile(1, "0.before", state("old"))]
    assert (plan.intent.verb, plan.intent.restores, plan.expected) == ("restore", (1, 2), 2)


def test_after_a_reinstall_between_two_deployments_the_later_original_is_restored():
    changes = [FIRST, generation(2, step("newly installed", "newer"))]

    plan = plan_restore(WANTED, changes, {SPOT: ground("newer")})

    assert [one.content for one in plan.replacements] == [SavedFile(2, "0.before", state("newly installed"))]


def test_where_the_package_names_the_hash_of_its_own_file_that_one_is_restored():
    changes = [FIRST, generation(2, step("copied by hand", "newer"))]

    assert original(changes, SPOT, state("old").sha256) == (changes[0], changes[0].steps[0])


def test_what_any_generation_has_put_or_saved_may_be_replaced():
    changes = [FIRST, generation(2, step("new", "newer"))]

    plan = plan_restore(WANTED, changes, {SPOT: ground("new", inode=99)})

    assert [one.then for one in plan.returns] == [state("old")]


def test_restoring_over_what_nobody_has_saved_is_refused():
    unknown = Ground(Seen(FILE, 1, 9, 5), FileState(FILE, size=5))

    with pytest.raises(Refused, match="neither what was deployed nor what was saved"):
        plan_restore(WANTED, [FIRST], {SPOT: unknown})


def test_what_pip_has_put_back_already_is_left_alone():
    plan = plan_restore(WANTED, [FIRST], {SPOT: ground("old", inode=99)})

    assert (plan.replacements, plan.done) == ((), (PATH,))


def test_nothing_is_put_where_the_package_is_gone_with_its_folder():
    plan = plan_restore(WANTED, [FIRST], {SPOT: Ground(is_reached=False)})

    assert (plan.replacements, plan.notes) == ((), (f"`{PATH}` is gone with its folder: nothing is put there",))
