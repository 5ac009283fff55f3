"""Errors about the replacement of MIOpen's convolutions, with the way out of each."""

from __future__ import annotations

from tests.cli.scenarios_of_environments import STACK, with_pytorch
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario


@scenario("planning/convolutions", "run `rocmswitch use {}`, which keeps the old one", 5)
def an_environment_has_other_convolutions(scene: Scene) -> Outcome:
    with_pytorch(scene)
    scene.line.succeed("use", STACK, "--venv", "demo", "--yes")
    return scene.fail("use", STACK, "--venv", "demo", "--conv-fallback", "--gpu", "gfx1010", "--yes")
