"""Names of what is installed that are no stacks', given to install, and what was not installed to remove."""

from __future__ import annotations

from tests.cli.scenarios_of_links import rocm
from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario


@scenario("cli/nostack", "run `rocmswitch use {}`", 5)
def a_linked_rocm_is_to_be_installed(scene: Scene) -> Outcome:
    folder = rocm(scene)
    scene.line.succeed("link", str(folder), "mine", "--yes")
    failed = scene.line.run("install", "mine", "--set", "compiler", "--yes")
    assert failed.error == f"`mine` is linked to `{folder}`, which is not ours to add anything to"
    return failed


@scenario("cli/nostack", "run `rocmswitch install {}`", 2)
def an_environment_is_to_be_installed(scene: Scene) -> Outcome:
    scene.venv()
    failed = scene.line.run("install", "demo", "--yes")
    assert failed.error == f"`demo` is an environment of `{NAME}`"
    return failed


@scenario("operations/remove", "run `rocmswitch list`", 3)
def what_is_not_there_is_to_be_removed(scene: Scene) -> Outcome:
    return scene.fail("remove", "5.7", "--yes")
