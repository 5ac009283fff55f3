"""Errors of recommend, and of what takes its word, with the way out of each."""

from __future__ import annotations

from tests.support.commandline import Outcome
from tests.support.scenes import Scene, run_hinted, scenario


def the_command_with_the_card_of_the_hint(scene: Scene, hint: str) -> Outcome:
    (outcome,) = run_hinted(scene, hint)
    assert "gfx1030" in outcome.out
    return outcome


@scenario(
    "operations/recommend",
    "run `rocmswitch recommend --gpu gfx1030`, or what your card is",
    3,
    follow=the_command_with_the_card_of_the_hint,
)
def a_machine_without_a_card_asks_for_a_stack(scene: Scene) -> Outcome:
    (scene.folder / "empty").mkdir()
    return scene.fail("recommend", "--sysroot", str(scene.folder / "empty"))


def the_command_on_the_same_card(scene: Scene, hint: str) -> Outcome:
    assert hint == "run `rocmswitch recommend --all`"
    return scene.line.run("recommend", "--all", **scene.environment)


@scenario("planning/recommend", "run `rocmswitch recommend --all`", 3, follow=the_command_on_the_same_card)
def the_recommended_stack_is_to_be_installed_for_a_card_that_nobody_knows(scene: Scene) -> Outcome:
    return scene.fail("install", "recommended", "--dry-run", ROCMSWITCH_GPU="gfx1999")
