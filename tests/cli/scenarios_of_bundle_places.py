"""Where a bundle cannot be written, and what of it is not trusted enough, with the way out."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.pythonsite import VERSION, PythonSite
from tests.support.scenes import Scene, scenario


def make_the_folder(scene: Scene, hint: str) -> Outcome:
    found = re.match("run `([^`]*)`", hint)
    assert found is not None, hint
    subprocess.run(shlex.split(found[1]), check=True)
    return scene.again("--yes")


@scenario("cli/bundle_create", "run `mkdir -p {}`, then the same command", 3, follow=make_the_folder)
def a_bundle_is_to_go_where_no_folder_is(scene: Scene) -> Outcome:
    return scene.fail("bundle", "create", NAME, "-o", str(scene.folder / "not yet" / "a.tar"))


@scenario(
    "cli/bundled",
    "run the same command with `--python /path/to/python`",
    5,
    follow=lambda scene, hint: scene.again("--python", sys.executable),
)
def the_python_of_a_bundle_is_nobody_s_but_its_maker_s(scene: Scene) -> Outcome:
    path = scene.folder / "a.tar"
    with PythonSite(scene.folder / "site") as site:
        site.offer()
        words = ("bundle", "create", NAME, "--venv", "--with-python", "-o", str(path), "--yes")
        scene.line.succeed(*words, **site.environment)
    asked = ("--venv", "demo", "--python", f"{VERSION}.99", "--require", "pinned", "--yes")
    return scene.fail("bundle", "install", str(path), *asked)
