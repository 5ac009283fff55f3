"""Errors of making environments, with the way out of each."""

from __future__ import annotations

import json
import os
import sys

import yaml

from tests.support.acme import NAME, TAG
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario, the_command_then


def with_the_same_python_as_the_tests(scene: Scene, hint: str) -> Outcome:
    assert "`--python /path/to/python`" in hint
    return scene.again("--python", sys.executable)


@scenario(
    "store/pythons",
    "run the same command with `--python /path/to/python`, or again later",
    6,
    follow=with_the_same_python_as_the_tests,
)
def a_python_cannot_be_fetched(scene: Scene) -> Outcome:
    """One that uv could have from a server that does not answer."""
    wheels = yaml.safe_load(scene.site.manifest())["wheels"]
    scene.site.let(scene.line, wheels={**wheels, "python": [TAG, "cp398"]})
    downloads = scene.folder / "downloads.json"
    machine = os.uname().machine
    python = {
        "name": "cpython",
        "arch": {"family": machine, "variant": None},
        "os": "linux",
        "libc": "gnu",
        "major": 3,
        "minor": 98,
        "patch": 1,
        "prerelease": "",
        "url": "http://127.0.0.1:1/cpython-3.98.1.tar.gz",
        "sha256": "ab" * 32,
        "variant": None,
        "build": "20260102",
    }
    downloads.write_text(json.dumps({f"cpython-3.98.1-linux-{machine}-gnu": python}))
    settings = {"UV_PYTHON_DOWNLOADS_JSON_URL": str(downloads), "UV_HTTP_RETRIES": "0"}
    return scene.fail("use", NAME, "--venv", "demo", "--yes", "--python", "3.98", **settings)


@scenario(
    "store/listing",
    "run `rocmswitch cache prune`",
    4,
    follow=the_command_then("use", NAME, "--venv", "second", "--yes"),
)
def somebody_wrote_through_a_link_into_what_environments_share(scene: Scene) -> Outcome:
    next(scene.venv().glob("lib/python*/site-packages/demo/__init__.py")).write_text("evil\n")
    return scene.fail("use", NAME, "--venv", "second", "--yes")
