"""What was saved of a user's own packages is gone: the wheel has it, too."""

from __future__ import annotations

import subprocess

from tests.support.changes import ledger, put
from tests.support.commandline import Outcome
from tests.support.patched import MIOPEN, PYTHON, original, user_site
from tests.support.pytorchwheels import torch_wheel
from tests.support.scenes import Scene, scenario
from tests.support.torchenvironment import RPATH


def by_the_wheel(scene: Scene, hint: str) -> Outcome:
    """Run the hinted line, where only a folder of wheels is to be had."""
    wheels = scene.folder / "wheels"
    wheels.mkdir()
    wheel = torch_wheel(RPATH, PYTHON)
    (wheels / wheel.filename).write_bytes(wheel.content)
    offline = {"UV_OFFLINE": "1", "UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheels)}
    environment = scene.line.variables(**offline, UV_CACHE_DIR=str(scene.folder / "uv"))
    line = hint.removeprefix("run `").removesuffix("`")
    done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    (site,) = scene.line.home.glob(".local/lib/python3*/site-packages")
    assert (site / MIOPEN).read_bytes() == original()
    return scene.line.run("restore", "user")


@scenario(
    "operations/returning",
    "run `uv pip install --python {} --target {} --reinstall --no-deps {}`",
    4,
    follow=by_the_wheel,
)
def what_was_saved_of_a_users_own_packages_is_gone(scene: Scene) -> Outcome:
    user_site(scene.line)
    put(scene.line, "user", {MIOPEN: b"patched"})
    ledger(scene.line).saved(1, "0.before").unlink()
    return scene.fail("restore", "user", "--yes")
