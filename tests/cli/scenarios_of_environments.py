"""Errors of environments with PyTorch, with the way out of each."""

from __future__ import annotations

import atexit
import json
import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.pytorchsite import PytorchSite
from tests.support.scenes import Scene, scenario, the_command

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
STACK, OLDER, FOR_CARDS = "rocm-6.2.4", "rocm-6.1.2", "therock-10.1"


@cache
def pytorch() -> PytorchSite:
    """One for all scenarios; it ends with the tests."""
    folder = tempfile.TemporaryDirectory()
    site = PytorchSite(Path(folder.name), pythons=(TAG,))
    site.__enter__()
    atexit.register(folder.cleanup)
    atexit.register(site.__exit__, None, None, None)
    return site


def with_pytorch(scene: Scene) -> None:
    """Let the person have stacks with PyTorch, and what they need from the same place."""
    scene.line = replace(scene.line, environment={"PIP_INDEX_URL": pytorch().simple})
    pytorch().let(scene.line, STACK, OLDER, FOR_CARDS)


@scenario("planning/pytorch", "run `rocmswitch use {} --venv NAME --torch {}`", 3)
def no_stack_has_such_a_pytorch(scene: Scene) -> Outcome:
    with_pytorch(scene)
    return scene.fail("use", STACK, "--venv", "demo", "--torch", "9.9", "--yes")


@scenario("planning/pytorch", "run `rocmswitch use {} --venv NAME --torch {}`", 3)
def another_stack_has_that_pytorch(scene: Scene) -> Outcome:
    """With the hint's own stack served from here, as the newest that has it."""
    with_pytorch(scene)
    for manifest in scene.line.layout.manifests.glob("*"):
        if manifest.stem not in (STACK, OLDER, NAME):
            manifest.unlink()
    outcome = scene.fail("use", OLDER, "--venv", "demo", "--torch", "2.7.1+rocm6.2.4", "--yes")
    assert STACK in outcome.hint
    return outcome


@scenario("cli/rebinding", "give another name, or run `rocmswitch {}`, which keeps the old one", 5)
def an_environment_belongs_to_another_stack(scene: Scene) -> Outcome:
    scene.venv()
    scene.site.let(scene.line, "acme-1.1")
    return scene.fail("use", "acme-1.1", "--venv", "demo", "--yes")


def with_the_other_pytorch(scene: Scene, hint: str) -> Outcome:
    """That the hint ends well is not enough: `--rebind` alone makes the same PyTorch once more."""
    outcome = the_command(scene, hint)
    assert "torch 2.6.0" in scene.line.succeed("list"), hint
    return outcome


@scenario(
    "cli/rebinding",
    "give another name, or run `rocmswitch {}`, which keeps the old one",
    5,
    follow=with_the_other_pytorch,
)
def an_environment_has_another_pytorch(scene: Scene) -> Outcome:
    with_pytorch(scene)
    scene.line.succeed("use", STACK, "--venv", "demo", "--yes")
    return scene.fail("use", STACK, "--venv", "demo", "--torch", "2.6.0", "--yes")


@scenario(
    "planning/rebinding",
    "run `rocmswitch use {} --venv NAME --locked FILE`",
    5,
    follow=lambda scene, hint: the_command(scene, hint.replace("FILE", str(scene.folder / "rocmswitch.lock"))),
)
def a_lock_is_of_another_stack(scene: Scene) -> Outcome:
    with_pytorch(scene)
    scene.line.succeed("use", STACK, "--venv", "first", "--yes")
    lock = json.loads((scene.line.layout.venvs / "first/rocmswitch.lock").read_bytes())
    (scene.folder / "rocmswitch.lock").write_text(json.dumps(lock))
    return scene.fail(*("use", OLDER, "--venv", "demo", "--yes", "--locked"), str(scene.folder / "rocmswitch.lock"))


@scenario("planning/wheels", "run `rocmswitch use {} --venv NAME --torch {} --python {}`", 3, then=3)
def another_pytorch_of_the_stack_exists_for_another_python(scene: Scene) -> Outcome:
    """None for a Python that is here: the hint leads on to what has to be installed."""
    with_pytorch(scene)
    builds = yaml.safe_load(pytorch().manifest(STACK))["pytorch"]
    builds[1]["python"] = ["cp37"]
    scene.line.add_manifest(STACK, pytorch().manifest(STACK, pytorch=builds))
    words = ("use", STACK, "--venv", "demo", "--torch", builds[1]["torch"], "--yes")
    return scene.fail(*words, "--python", sys.executable)


@scenario(
    "cli/use_environment",
    "run the same command with `--gpu gfx1030`, or what your card is",
    6,
    follow=lambda scene, hint: scene.again("--gpu", "gfx1030"),
)
def wheels_differ_from_card_to_card_and_there_is_none(scene: Scene) -> Outcome:
    with_pytorch(scene)
    return scene.fail("use", FOR_CARDS, "--venv", "demo", "--yes", ROCMSWITCH_SYSROOT=str(scene.folder / "none"))
