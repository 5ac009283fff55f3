"""Errors of gpu and of `doctor --log`, with the way out of each."""

from __future__ import annotations

from tests.support.commandline import Outcome
from tests.support.scenes import Scene, run_hinted, scenario


@scenario("cli/gpu", "run `rocmswitch gpu --gpu gfx1010`, with the card you mean", 3)
def there_is_no_card_here(scene: Scene) -> Outcome:
    return scene.fail("gpu", "--sysroot", str(scene.folder))


@scenario("operations/errorlog", "run `rocmswitch doctor --log -`, paste the error, and press Ctrl-D", 3)
def the_log_is_not_there(scene: Scene) -> Outcome:
    return scene.fail("doctor", "--log", "nothing.txt")


def doctor_alone(scene: Scene, hint: str) -> Outcome:
    """Which may find something on the machine that runs this."""
    assert [one.code for one in run_hinted(scene, hint)] in ([0], [4])
    return scene.line.run("doctor", "--log", "-")


@scenario("cli/doctor", "run `rocmswitch doctor`", 2, follow=doctor_alone)
def a_log_is_to_be_explained_and_something_put_right(scene: Scene) -> Outcome:
    return scene.fail("doctor", "--log", "-", "--fix", "hook")
