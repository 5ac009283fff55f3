"""Errors of switching, with the way out of each."""

from __future__ import annotations

from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario


@scenario("cli/use_choice", "run `rocmswitch list`", 2)
def no_stack_was_named_and_no_project_asks_for_one(scene: Scene) -> Outcome:
    return scene.fail("use")
