"""Errors of letting go, with the way out of each."""

from __future__ import annotations

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.furnished import prefix
from tests.support.scenes import Scene, scenario, the_same_command


@scenario("deploy/ledger", "run the same command again", 1, follow=the_same_command("--yes", heal=False))
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


def another_default(scene: Scene, *remove: str) -> Outcome:
    """New shells would enter again what was removed after another one took its place."""
    scene.prefix()
    prefix(scene.line.layout, "rocm-6.1.0")
    for name in ("rocm-6.1.0", NAME):
        scene.line.succeed("use", name, "--default", "--shell", "sh")
    scene.line.succeed("remove", "rocm-6.1.0", "--yes", *remove)
    return scene.fail("undo", "2", "--yes")


@scenario("operations/returning", "run `rocmswitch undo {}` first", 5)
def the_default_before_was_removed(scene: Scene) -> Outcome:
    return another_default(scene)


@scenario("operations/returning", "run `rocmswitch list` for what new shells can enter", 5)
def the_default_before_is_gone_for_good(scene: Scene) -> Outcome:
    return another_default(scene, "--purge")
