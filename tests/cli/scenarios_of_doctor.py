"""Errors of doctor, with the way out of each."""

from __future__ import annotations

from tests.support.commandline import Outcome
from tests.support.scenes import Scene, run_hinted, scenario


def the_command_on_the_same_machine(scene: Scene, hint: str) -> Outcome:
    """A machine without a card: nothing to find."""
    assert [one.code for one in run_hinted(scene, hint)] in ([0], [4])
    return scene.line.run("doctor", **scene.environment)


@scenario("operations/doctor", "run `rocmswitch doctor`", 3, follow=the_command_on_the_same_machine)
def a_finding_that_is_not_there_is_to_be_put_right(scene: Scene) -> Outcome:
    return scene.fail("doctor", "--fix", "hook", ROCMSWITCH_SYSROOT=str(scene.folder / "sysroot"))
