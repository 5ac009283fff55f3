"""Errors that somebody meets in the first minutes, with the way out of each."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario


@scenario("cli/use_missing", "run `rocmswitch use {} --venv NAME`, which needs no link", 6)
def the_link_to_an_environment_has_no_place(scene: Scene) -> Outcome:
    """Nothing was made by then: neither fetched nor left without the link by which it was to be called."""
    place = scene.folder / "project"
    place.mkdir()
    command = 'mount -t tmpfs -o ro none "$1" && shift && exec "$@"'
    words = ["unshare", "--mount", "--map-root-user", "sh", "-c", command, "sh", str(place)]
    probe = subprocess.run([*words, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"no read-only file system can be mounted here: {probe.stderr.decode().strip()}")
    failed = scene.fail_below(words, "use", NAME, "--venv", str(place / ".venv"), "--yes")
    assert not scene.line.layout.venvs.exists()
    return failed
