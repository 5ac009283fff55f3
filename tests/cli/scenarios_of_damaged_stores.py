"""What lies in the store is not what was put there: the way out that is named."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.pytorchsite import PytorchSite
from tests.support.scenes import Scene, scenario


def the_shell_s_command_and_the_same_again(scene: Scene, hint: str) -> Outcome:
    (command,) = re.findall(r"`([^`]*)`", hint)
    subprocess.run(["sh", "-c", command.removeprefix("sudo ")], check=True)
    return scene.again()


@scenario(
    "cli/main", "run `mv {} {}.away`, then the same command", 1, follow=the_shell_s_command_and_the_same_again
)
def a_file_lies_where_a_folder_belongs(scene: Scene) -> Outcome:
    scene.line.layout.cache.mkdir(parents=True)
    scene.line.layout.indexes.write_text("mine")
    return scene.fail("install", NAME, "--yes")


@scenario(
    "fetch/indexstore",
    "if you trust this network, run `rm {}`, then the same command",
    4,
    follow=the_shell_s_command_and_the_same_again,
)
def the_newest_date_that_was_seen_cannot_be_read(scene: Scene) -> Outcome:
    scene.prefix()
    (seen,) = (path for path in scene.line.layout.seen.iterdir() if path.suffix == ".json")
    seen.write_text("")
    return scene.fail("install", NAME, "--set", "compiler", "--yes")


@scenario(
    "store/firstuse",
    "if you trust this network, run `rm {}`, then the same command",
    4,
    follow=the_shell_s_command_and_the_same_again,
)
def the_hash_of_a_first_use_cannot_be_read(scene: Scene) -> Outcome:
    site = PytorchSite(scene.folder / "wheels", pythons=(f"cp{sys.version_info[0]}{sys.version_info[1]}",))
    site.__enter__()
    scene.line = replace(scene.line, environment={"PIP_INDEX_URL": site.simple})
    site.let(scene.line, "rocm-6.2.4")
    scene.line.succeed("use", "rocm-6.2.4", "--venv", "demo", "--yes")
    records = sorted((scene.line.layout.seen / "wheels").glob("*.json"))
    records[0].write_text("{")
    return scene.fail("use", "rocm-6.2.4", "--venv", "other", "--yes")


@scenario(
    "cli/main",
    "run `sudo chown -R {} {}`, then the same command",
    6,
    follow=the_shell_s_command_and_the_same_again,
)
def files_belong_to_somebody_else_since_sudo(scene: Scene) -> Outcome:
    """Who is root in a namespace of his own may read nothing of users who are not there."""
    own = ["unshare", "--map-root-user"]
    if os.geteuid() != 0 or subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs root, who can give a file to somebody else, and namespaces of users")
    scene.prefix()
    (seen,) = (path for path in scene.line.layout.seen.iterdir() if path.suffix == ".json")
    seen.chmod(0o600)
    os.chown(seen, 54_321, 54_321)
    return scene.fail_below(own, "install", NAME, "--set", "compiler", "--yes")
