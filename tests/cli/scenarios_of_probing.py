"""Errors before anything can be tried, with the way out of each."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.support.commandline import Outcome
from tests.support.scenes import Scene, run_hinted, scenario

FOR_PROCESSORS = (
    "__version__ = '2.7.1'\nclass version: hip = cuda = None\nclass cuda: is_initialized = staticmethod(bool)\n"
)
"""As much of a torch as tells what it was built for."""


def the_last_command(scene: Scene, hint: str) -> Outcome:
    """The first finds nothing that is broken, or something."""
    *others, last = run_hinted(scene, hint)
    assert {one.code for one in others} <= {0, 4}, others
    return last


def environment(scene: Scene, torch: str) -> str:
    """Of nobody's tool, with a module of that source instead of PyTorch."""
    folder = scene.folder / "myenv"
    packages = folder / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    (packages / "torch").mkdir(parents=True)
    (packages / "torch/__init__.py").write_text(torch)
    (packages / "torch-2.7.1.dist-info").mkdir()
    (packages / "torch-2.7.1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.7.1\n")
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(os.path.realpath(sys.executable))
    (folder / "pyvenv.cfg").write_text(f"home = {Path(os.path.realpath(sys.executable)).parent}\n")
    return str(folder)


@scenario("operations/probe", "run `rocmswitch doctor {}`", 1, follow=the_last_command)
def what_is_to_be_tried_cannot_be_imported(scene: Scene) -> Outcome:
    return scene.fail("probe", environment(scene, "raise ImportError('libamdhip64.so.6')"))


@scenario(
    "operations/probe",
    "run `rocmswitch doctor {}`, or `rocmswitch probe {} --device cpu`",
    6,
    follow=the_last_command,
    then=4,
)
def a_card_is_to_be_tried_by_what_was_built_for_processors(scene: Scene) -> Outcome:
    return scene.fail("probe", environment(scene, FOR_PROCESSORS), "--device", "cuda")


@scenario("operations/probe", "run `rocmswitch list`", 3)
def what_is_to_be_tried_has_no_python(scene: Scene) -> Outcome:
    return scene.fail("probe", str(scene.prefix()))
