"""What is there was checked by less than is required now, with the way out."""

from __future__ import annotations

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario, the_command_then


@scenario(
    "planning/vouched",
    "run `rocmswitch remove {}`, then the same command again",
    5,
    follow=the_command_then("use", NAME, "--venv", "demo", "--require", "pinned", "--yes"),
)
def what_is_there_was_checked_by_less(scene: Scene) -> Outcome:
    scene.venv()
    return scene.line.run("use", "demo", "--require", "signed", "--yes")
