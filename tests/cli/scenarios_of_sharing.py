"""Errors of what all users of a machine share, with the way out of each."""

from __future__ import annotations

import contextlib
import re
import shlex
from dataclasses import replace

from tests.support import tarballs
from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario
from tests.support.sharedmachine import SharedMachine

open_until_followed: dict[str, tuple[contextlib.ExitStack, SharedMachine]] = {}
"""By the folder of a scene, the machine on which it plays."""


def shared(scene: Scene) -> SharedMachine:
    """A machine on which everybody has acme-1.0."""
    stack = contextlib.ExitStack()
    bare = stack.enter_context(SharedMachine.made())
    machine = replace(bare, environment=scene.line.environment)
    machine.add_manifest(NAME, scene.site.manifest())
    machine.succeed("install", NAME, "--system", "--yes")
    open_until_followed[str(scene.folder)] = (stack, machine)
    return machine


def the_line_of_root(scene: Scene, hint: str) -> Outcome:
    """Typed as it stands, by somebody who may become root."""
    stack, machine = open_until_followed.pop(str(scene.folder))
    (line,) = re.findall("`([^`]+)`", hint)
    with stack:
        return machine.run(shlex.split(line.removeprefix("sudo ")))


@scenario("cli/system_option", "run `sudo {}`", 6, follow=the_line_of_root)
def a_user_removes_what_all_share(scene: Scene) -> Outcome:
    return shared(scene).user("remove", NAME, "--yes")


@scenario("cli/system_option", "run `{}`", 6, follow=the_line_of_root)
def root_removes_what_all_share_as_if_it_were_their_own(scene: Scene) -> Outcome:
    return shared(scene).root("remove", NAME, "--yes")


@scenario("cli/uninstall", "run `rocmswitch remove {}`", 2)
def one_stack_is_to_be_uninstalled(scene: Scene) -> Outcome:
    scene.prefix()
    return scene.fail("uninstall", NAME)


def with_less_required(scene: Scene, hint: str) -> Outcome:
    words = re.findall("`([^`]+)`", hint)[0].split()
    with opened.pop(str(scene.folder)):
        return scene.again(*words)


opened: dict[str, contextlib.ExitStack] = {}
"""By the folder of a scene, the server of what nobody has stated a hash of."""


@scenario("operations/resolving", "run the same command with `--require {}`", 5, follow=with_less_required)
def what_nobody_vouches_for_is_required_to_be_pinned(scene: Scene) -> Outcome:
    stack = opened.setdefault(str(scene.folder), contextlib.ExitStack())
    site = stack.enter_context(tarballs.TarballSite(scene.folder / "secure", secure=True))
    site.pack()
    scene.line = site.person(scene.folder / "person")
    site.let(scene.line)
    return scene.fail("install", tarballs.NAME, "--require", "pinned", "--yes")
