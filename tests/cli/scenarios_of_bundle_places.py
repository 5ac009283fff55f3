"""Where a bundle cannot be written, with the way out."""

from __future__ import annotations

import re
import shlex
import subprocess

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario


def make_the_folder(scene: Scene, hint: str) -> Outcome:
    found = re.match("run `([^`]*)`", hint)
    assert found is not None, hint
    subprocess.run(shlex.split(found[1]), check=True)
    return scene.again("--yes")


@scenario("cli/bundle_create", "run `mkdir -p {}`, then the same command", 3, follow=make_the_folder)
def a_bundle_is_to_go_where_no_folder_is(scene: Scene) -> Outcome:
    return scene.fail("bundle", "create", NAME, "-o", str(scene.folder / "not yet" / "a.tar"))
