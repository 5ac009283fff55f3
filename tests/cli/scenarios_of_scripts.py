"""Errors of scripts that shells run, with the way out of each."""

from __future__ import annotations

import os
import re
import shlex
import subprocess

import pytest

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario


def the_named_program(scene: Scene, hint: str) -> Outcome:
    """Run it, by root without sudo, and then the command that had failed."""
    (command,) = re.findall(r"`([^`]*)`", hint)
    subprocess.run(shlex.split(command.removeprefix("sudo ")), check=True)
    return scene.again()


@scenario("store/private", "look at what lies there, then run `chmod 700 {}`", 5, follow=the_named_program)
def others_may_write_scripts(scene: Scene) -> Outcome:
    scene.prefix()
    scene.line.layout.activations.chmod(0o777)
    return scene.fail("install", NAME, "--yes")


@scenario("store/private", "run `sudo chown -R {} {}`", 5, follow=the_named_program)
def scripts_belong_to_somebody_else(scene: Scene) -> Outcome:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    scene.prefix()
    os.chown(scene.line.layout.activations, 54_321, 54_321)
    return scene.fail("install", NAME, "--yes")


@scenario("shell/dotenv", "run `rocmswitch env {} --shell json`", 2)
def a_value_is_too_much_for_a_format(scene: Scene) -> Outcome:
    environment = {"HSA_X": "'a'"}
    scene.site.let(scene.line, gpus={"gfx1010": {"support": "partial", "environment": environment}})
    scene.prefix()
    return scene.fail("env", NAME, "--shell", "dotenv", "--gpu", "gfx1010")
