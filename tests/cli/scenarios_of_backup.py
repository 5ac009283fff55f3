"""Errors of letting go, with the way out of each."""

from __future__ import annotations

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario, the_same_command


@scenario("operations/backup", "run the same command again", 1, follow=the_same_command("--yes", heal=False))
def something_is_changed_while_the_question_stands(scene: Scene) -> Outcome:
    scene.prefix()
    scene.line.succeed("remove", NAME, "--yes")
    scene.words = ("backup", "prune")

    def meanwhile() -> str:
        scene.line.succeed("undo", "--yes")
        return "y\n"

    return scene.line.at_terminal(*scene.words, answers=meanwhile)


@scenario(
    "operations/remove",
    "run `rocmswitch undo {}` to have it again, or `rocmswitch backup prune {}` to free its disk space",
    3,
)
def what_is_removed_already_is_to_be_removed(scene: Scene) -> Outcome:
    scene.prefix()
    scene.line.succeed("remove", NAME, "--yes")
    return scene.fail("remove", NAME, "--purge", "--yes")
