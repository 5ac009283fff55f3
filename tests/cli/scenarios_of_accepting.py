"""Hashes to accept that are not those of what is there, or of what would come, with the way out."""

from __future__ import annotations

import sys
from dataclasses import replace

from tests.support.commandline import Outcome
from tests.support.pytorchsite import PytorchSite
from tests.support.replacing import replace_wheel
from tests.support.scenes import Scene, scenario

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
STACK = "rocm-6.2.4"
USE = ("use", STACK, "--venv", "demo", "--yes")


def _site(scene: Scene) -> PytorchSite:
    site = PytorchSite(scene.folder / "wheels", pythons=(TAG,))
    site.__enter__()
    scene.line = replace(scene.line, environment={"PIP_INDEX_URL": site.simple})
    site.let(scene.line, STACK)
    return site


def without_it(scene: Scene, hint: str) -> Outcome:
    assert "the same command without `--accept`" in hint
    return scene.line.run(*scene.words[:-2])


def with_what_it_names(scene: Scene, hint: str) -> Outcome:
    return scene.again("--accept", hint.rpartition("--accept ")[2].rstrip("`"))


@scenario(
    "planning/wheels",
    "run the same command without `--accept`: if a wheel was replaced, it names that and its hash",
    2,
    follow=without_it,
)
def no_wheel_has_the_hash_that_is_accepted(scene: Scene) -> Outcome:
    _site(scene)
    return scene.fail(*USE, "--accept", "0" * 64)


@scenario(
    "cli/accepting",
    "if its vendor states the new one, run the same command with `--accept {}`",
    4,
    follow=with_what_it_names,
)
def a_wheel_was_replaced_before_it_was_bundled(scene: Scene) -> Outcome:
    site = _site(scene)
    scene.line.succeed(*USE)
    scene.line.succeed("remove", "demo", "--purge", "--yes")
    scene.line.succeed("cache", "prune", "--all", "--yes")
    replace_wheel(site.served("whl/rocm6.2.4"), "torchaudio-2.7.1")
    return scene.fail("bundle", "create", STACK, "--venv", "-o", str(scene.folder / "rocm.tar"), "--yes")


@scenario("planning/rebinding", "run `rocmswitch use {}`, which keeps this one", 5)
def the_environment_that_is_there_was_made_before_a_wheel_was_replaced(scene: Scene) -> Outcome:
    site = _site(scene)
    scene.line.succeed(*USE)
    found = replace_wheel(site.served("whl/rocm6.2.4"), "torchaudio-2.7.1")
    return scene.fail(*USE, "--accept", found)
