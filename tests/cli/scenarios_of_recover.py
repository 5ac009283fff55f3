"""Errors of recover, with the way out of each."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import breaking
from tests.support.commandline import Outcome
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import kernel_root, write
from tests.support.recoveries import broken_root
from tests.support.scenes import Scene, scenario, the_same_command


def broken(scene: Scene) -> Path:
    """A system that one recovery mends."""
    if os.geteuid() != 0:
        pytest.skip("only root may recover a system")
    root, package = broken_root(scene.folder)
    shutil.copy2(package, archives(root))
    return root


def archives(root: Path) -> Path:
    """The package manager's cache, where what it has fetched still lies."""
    folder = root / "var/cache/apt/archives"
    folder.mkdir(parents=True)
    return folder


def recover(scene: Scene, root: Path, *words: str) -> Outcome:
    return scene.fail("recover", "--root", str(root), *words)


def the_typed_line(scene: Scene, hint: str) -> Outcome:
    """The whole line, and with it the consent that somebody at a terminal gives."""
    (line,) = re.findall(r"^run `(.*)`$", hint)
    command = [*shlex.split(line), "--yes"]
    done = subprocess.run(command, env=scene.line.variables(), capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


@scenario("cli/recover", "run `{}`", 4, follow=the_typed_line)
def something_is_wrong_and_was_only_looked_at(scene: Scene) -> Outcome:
    return recover(scene, broken(scene))


@scenario("cli/recover", "run the same command with `--yes`", 5, follow=the_same_command("--yes", heal=False))
def nobody_is_there_to_consent(scene: Scene) -> Outcome:
    return recover(scene, broken(scene), "--apply")


@scenario("operations/recover", "run the same command again", 1, follow=the_same_command("--yes", heal=False))
def something_changes_while_it_asks(scene: Scene) -> Outcome:
    root = broken(scene)
    scene.words = ("recover", "--root", str(root), "--apply")

    def answer() -> str:
        breaking.put_twin(root)
        return "y\n"

    return scene.line.at_terminal(*scene.words, answers=answer)


def mounted(scene: Scene, hint: str) -> Outcome:
    """What the hint names before the line to type again is done: the file system is not one of its own any more."""
    assert "mount DEVICE" in hint and "--apply" in hint
    write(Path(scene.words[2]) / "etc/fstab", "")
    return scene.again("--yes")


@scenario("operations/recover", "{}", 6, follow=mounted)
def the_folder_of_the_boot_loader_is_not_mounted(scene: Scene) -> Outcome:
    root = broken(scene)
    write(root / "etc/fstab", "UUID=00000000-0000-0000-0000-000000000001 /boot ext4 defaults 0 2\n")
    return recover(scene, root, "--apply")


def mounted_and_applied(scene: Scene, hint: str) -> Outcome:
    scene.words = (*scene.words, "--apply")
    return mounted(scene, hint)


@scenario("cli/recover", "{}", 4, follow=mounted_and_applied)
def what_is_to_be_mounted_is_said_before_anything_is_tried(scene: Scene) -> Outcome:
    root = broken(scene)
    write(root / "etc/fstab", "UUID=00000000-0000-0000-0000-000000000001 /boot ext4 defaults 0 2\n")
    return recover(scene, root)


@scenario(
    "operations/recover",
    "give one of {}",
    3,
    follow=lambda scene, hint: scene.line.run(*scene.words[:-1], *re.findall(r"`([^`]*)`", hint)),
)
def there_is_no_such_kernel(scene: Scene) -> Outcome:
    return recover(scene, kernel_root(scene.folder / "disk", programs=True), "--kernel", KERNEL[:-1])


@scenario(
    "operations/recover",
    "run the same command with `--root` and the folder where the system is mounted",
    3,
    follow=lambda scene, hint: scene.line.run(
        "recover", "--root", str(kernel_root(scene.folder / "disk", programs=True))
    ),
)
def there_is_no_kernel_at_all(scene: Scene) -> Outcome:
    root = kernel_root(scene.folder / "empty")
    shutil.rmtree(root / "usr/lib/modules" / KERNEL)
    return recover(scene, root)
