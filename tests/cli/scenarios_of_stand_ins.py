"""A stack of one's own beside the one of all users, with the way out where one cannot be the other."""

from __future__ import annotations

import contextlib
import re
import shlex
from dataclasses import replace

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.debs import Deb, Library
from tests.support.ownlibc import FOLDER, VERSION, libc_deb
from tests.support.scenes import Scene, scenario
from tests.support.sharedmachine import SOMEBODY, SharedMachine

open_until_followed: dict[str, tuple[contextlib.ExitStack, SharedMachine]] = {}
"""By the folder of a scene, the machine on which it plays."""


def shared(scene: Scene, **rocm: object) -> SharedMachine:
    """A machine on which everybody has acme-1.0."""
    stack = contextlib.ExitStack()
    bare = stack.enter_context(SharedMachine.made())
    machine = replace(bare, environment=scene.line.environment)
    machine.add_manifest(NAME, scene.site.manifest(rocm=rocm))
    machine.succeed("install", NAME, "--system", "--yes")
    open_until_followed[str(scene.folder)] = (stack, machine)
    return machine


def bound_anew(scene: Scene, hint: str) -> Outcome:
    stack, machine = open_until_followed.pop(str(scene.folder))
    (command,) = re.findall("`rocmswitch ([^`]+)`", hint)
    with stack:
        machine.succeed(*command.split(), "--yes", number=SOMEBODY)
        return machine.user("run", "demo", "--", "python", "-c", "")


@scenario("store/installed", "run `rocmswitch use {} --venv {} --rebind`", 3, follow=bound_anew)
def the_prefix_whose_loader_starts_an_environment_is_gone_and_another_stands_in(scene: Scene) -> Outcome:
    core = {f"{FOLDER}/libacme.so.1": Library("libacme.so.1", needs=("libc.so.6",))}
    scene.site.repository.add(Deb("acme-core", "2.0-1", f"libc6 (>= {VERSION})", files=core), libc_deb())
    scene.site.publish()
    machine = shared(scene, host={"libc6": ["libc.so.6"]})
    machine.succeed("use", NAME, "--venv", "demo", "--yes", number=SOMEBODY)
    machine.succeed("remove", NAME, "--system", "--yes")
    machine.succeed("install", NAME, "--yes", number=SOMEBODY)
    return machine.user("run", "demo", "--", "python", "-c", "")


def with_one_of_their_own(scene: Scene, hint: str) -> Outcome:
    stack, machine = open_until_followed.pop(str(scene.folder))
    (command,) = re.findall("`rocmswitch ([^`]+)`", hint)
    with stack:
        machine.succeed(*shlex.split(command), "--yes", number=SOMEBODY)
        return machine.user(*scene.words)


@scenario(
    "cli/deploy_variant",
    "run `rocmswitch install {} --own`, then the same command again",
    5,
    follow=with_one_of_their_own,
)
def files_are_to_go_into_what_all_share(scene: Scene) -> Outcome:
    machine = shared(scene)
    mine = machine.line(SOMEBODY).home / "mine"
    mine.write_text("mine\n")
    words = ("deploy", str(mine), "--into", NAME, "--as", "share/acme/data", "--name", "mine", "--yes")
    scene.words = words
    return machine.user(*words)
