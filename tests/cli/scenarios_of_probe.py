"""Errors of the probe and of its reports, with the way out of each."""

from __future__ import annotations

from rocmswitch.store.probes import Probes
from tests.support.commandline import Outcome
from tests.support.disk import HastyDisk
from tests.support.furnished import environment
from tests.support.probereports import STACK, hanging_from
from tests.support.scenes import Scene, run_hinted, scenario


def the_one_that_is_there(scene: Scene, hint: str) -> Outcome:
    (listed,) = run_hinted(scene, hint)
    assert (listed.code, "RX 5700 XT" in listed.out) == (0, True), listed
    return scene.line.run("probe", "--compare", "1", STACK)


@scenario("store/probes", "run `rocmswitch probe --list`", 3, follow=the_one_that_is_there)
def a_report_that_was_not_kept_is_to_be_compared(scene: Scene) -> Outcome:
    Probes(scene.line.layout, HastyDisk()).save(hanging_from())
    return scene.fail("probe", "--compare", "1", "7")


@scenario("cli/probe", "run `rocmswitch doctor{}`", 4, then=4)
def a_report_tells_of_what_does_not_work(scene: Scene) -> Outcome:
    """Doctor finds something else there: the Python of this environment is no more than a script."""
    environment(scene.line.layout, "myproj", STACK, bound=False)
    Probes(scene.line.layout, HastyDisk()).save(hanging_from())
    return scene.fail("probe", "--show", "1")
