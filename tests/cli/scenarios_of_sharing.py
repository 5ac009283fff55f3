"""Errors of what all users of a machine share, with the way out of each."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import subprocess
from dataclasses import replace

from tests.support import tarballs
from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario
from tests.support.sharedmachine import SOMEBODY, SharedMachine

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


def without_sudo(scene: Scene, hint: str) -> Outcome:
    stack, machine = open_until_followed.pop(str(scene.folder))
    with stack:
        return machine.run(shlex.split(re.findall("`([^`]+)`", hint)[0]), number=SOMEBODY)


@scenario("cli/system_option", "run `{}` without `sudo`, or with `--system` for all users", 5, follow=without_sudo)
def root_installs_into_the_home_of_who_typed_sudo(scene: Scene) -> Outcome:
    machine = shared(scene)
    home = str(machine.line(SOMEBODY).folder / "rocmswitch")
    words = ("install", NAME, "--set", "compiler", "--yes")
    return machine.root(*words, ROCMSWITCH_HOME=home, SUDO_UID=str(SOMEBODY))


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


running: dict[str, subprocess.Popen[bytes]] = {}
"""By the folder of a scene, the program that runs from its stack."""


def when_it_has_ended(scene: Scene, hint: str) -> Outcome:
    program = running.pop(str(scene.folder))
    program.terminate()
    program.wait()
    return scene.again()


@scenario("operations/uninstall", "run the same command again when it has ended", 5, follow=when_it_has_ended)
def a_program_runs_from_what_would_be_uninstalled(scene: Scene) -> Outcome:
    tree = scene.prefix().resolve()
    tree.chmod(0o755)
    shutil.copy("/bin/sleep", tree / "sleeper")
    running[str(scene.folder)] = subprocess.Popen([tree / "sleeper", "3600"])
    return scene.fail("uninstall", "--yes")
