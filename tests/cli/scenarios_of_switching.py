"""Errors of switching, with the way out of each."""

from __future__ import annotations

from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario


@scenario("cli/use_choice", "run `rocmswitch list`", 2)
def no_stack_was_named_and_no_project_asks_for_one(scene: Scene) -> Outcome:
    return scene.fail("use")


@scenario("cli/use_missing", "run `rocmswitch use {} --venv {}`", 2)
def an_environment_is_named_where_a_stack_belongs(scene: Scene) -> Outcome:
    scene.venv()
    return scene.fail("use", "demo", "--venv", "other")
