"""A wheel that is another than at its first use, with the way out."""

from __future__ import annotations

import sys
from dataclasses import replace

from tests.support.commandline import Outcome
from tests.support.pytorchsite import PytorchSite
from tests.support.replacing import replace_wheel
from tests.support.scenes import Scene, scenario

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
STACK = "rocm-6.2.4"


@scenario("cli/accepting", "if its vendor states the new one, run `rocmswitch {}`", 4)
def a_wheel_was_replaced_after_its_first_use(scene: Scene) -> Outcome:
    site = PytorchSite(scene.folder / "wheels", pythons=(TAG,))
    site.__enter__()
    scene.line = replace(scene.line, environment={"PIP_INDEX_URL": site.simple})
    site.let(scene.line, STACK)
    scene.line.succeed("use", STACK, "--venv", "demo", "--yes")
    scene.line.succeed("remove", "demo", "--purge", "--yes")
    scene.line.succeed("cache", "prune", "--all", "--yes")
    replace_wheel(site.served("whl/rocm6.2.4"), "torch-2.7.1")
    return scene.fail("use", STACK, "--venv", "demo", "--yes")
