"""Errors of stacks that are made of wheels, with the way out of each."""

from __future__ import annotations

import sys

from tests.support.commandline import Outcome
from tests.support.pytorchsite import PytorchSite
from tests.support.scenes import Scene, run_hinted, scenario
from tests.support.therocksite import wheels_alone

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"


def make_it(scene: Scene, hint: str) -> Outcome:
    """With a server that has the wheels, for a card that it has them for."""
    with PytorchSite(scene.folder / "wheels", pythons=(TAG,)) as site:
        site.let(scene.line, "therock-10.1")
        scene.line.environment.update({"PIP_INDEX_URL": site.simple, "ROCMSWITCH_GPU": "gfx1010"})
        return run_hinted(scene, hint)[-1]


@scenario("operations/resolving", "run `rocmswitch use {} --venv NAME`", 5, follow=make_it)
def a_stack_of_wheels_is_to_be_installed(scene: Scene) -> Outcome:
    scene.line.add_manifest("therock-10.1", wheels_alone("therock-10.1"))
    return scene.fail("install", "therock-10.1", "--yes")
