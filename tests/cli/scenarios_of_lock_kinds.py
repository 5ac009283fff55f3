"""Locks of the other kind, and places where none can be written, with the way out."""

from __future__ import annotations

import os

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario


def to_stdout(scene: Scene, hint: str) -> Outcome:
    assert "the same command with `-o -`" in hint
    return scene.line.run("lock", NAME, "-o", "-")


@scenario("cli/lock", "run the same command with `-o -`, which writes to stdout", 2, follow=to_stdout)
def a_lock_is_to_take_the_place_of_a_pipe(scene: Scene) -> Outcome:
    scene.prefix()
    os.mkfifo(scene.folder / "pipe")
    return scene.line.run("lock", NAME, "-o", str(scene.folder / "pipe"), "--yes")


@scenario("metadata/lockkinds", "run `rocmswitch use {} --venv NAME --locked {}`", 2)
def an_environments_lock_is_given_to_install(scene: Scene) -> Outcome:
    scene.venv()
    file = scene.folder / "rocmswitch.lock"
    scene.line.succeed("lock", "demo", "-o", str(file))
    failed = scene.line.run("install", NAME, "--locked", str(file), "--yes")
    assert failed.error == f"{file}: it is the lock of an environment, not of stacks"
    scene.line.succeed("remove", "demo", "--yes")
    return failed


@scenario("metadata/lockkinds", "run `rocmswitch install --locked {}`", 2)
def a_lock_of_stacks_is_given_to_use(scene: Scene) -> Outcome:
    scene.prefix()
    file = scene.folder / "rocmswitch.lock"
    scene.line.succeed("lock", "-o", str(file))
    failed = scene.line.run("use", NAME, "--venv", "demo", "--locked", str(file), "--yes")
    assert failed.error == f"{file}: it is a lock of stacks, not of an environment"
    return failed
