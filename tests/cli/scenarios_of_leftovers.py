"""Errors of `doctor --fix leftovers`, with the way out of each."""

from __future__ import annotations

from tests.support.commandline import Outcome
from tests.support.scenes import Scene, run_hinted, scenario, the_same_command

OVERRIDE = "export HSA_OVERRIDE_GFX_VERSION=10.3.0\n"


def the_command_on_the_same_machine(scene: Scene, hint: str) -> Outcome:
    """A machine on which nothing was installed by hand."""
    assert [one.code for one in run_hinted(scene, hint)] in ([0], [4])
    return scene.line.run("doctor", **scene.environment)


@scenario("operations/leftovers", "run `rocmswitch doctor`", 3, follow=the_command_on_the_same_machine)
def nothing_is_left_of_rocm_by_hand(scene: Scene) -> Outcome:
    return scene.fail("doctor", "--fix", "leftovers", ROCMSWITCH_SYSROOT=str(scene.folder / "sysroot"))


@scenario("operations/leftovers", "run the same command again", 5, follow=the_same_command("--yes", heal=False))
def a_start_up_file_is_written_to_while_the_question_stands(scene: Scene) -> Outcome:
    bashrc = scene.line.home / ".bashrc"
    bashrc.write_text(OVERRIDE)

    def answer() -> str:
        bashrc.write_text(f"# mine\n{OVERRIDE}")
        return "y\n"

    scene.words = ("doctor", "--fix", f"leftovers:{bashrc}")
    return scene.line.at_terminal(*scene.words, answers=answer)
