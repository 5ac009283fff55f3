"""A folder that is gone under the shell that stands in it, with the way out."""

from __future__ import annotations

from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario, the_same_command


@scenario("system/refusals", "run `cd`, then the same command", 3, follow=the_same_command())
def the_folder_is_gone_under_the_shell(scene: Scene) -> Outcome:
    scene.line.home.mkdir(parents=True, exist_ok=True)
    script = 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$@"'
    outcome = scene.fail_below(["sh", "-c", script, "sh"], "use", "system", "--pin")
    assert outcome.error == "the folder that this was started in is gone"
    return outcome
