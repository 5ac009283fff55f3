"""Errors that somebody meets in the first minutes, with the way out of each."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario, the_same_command


def with_read_only(place: Path) -> list[str]:
    """What starts a program that sees *place* as a read-only file system."""
    place.mkdir(parents=True, exist_ok=True)
    command = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    words = ["unshare", "--mount", "--map-root-user", "sh", "-c", command, "sh", str(place)]
    probe = subprocess.run([*words, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"nothing can be mounted read-only here: {probe.stderr.decode().strip()}")
    return words


@scenario(
    "cli/main",
    "run the same command with `ROCMSWITCH_HOME` set to a folder that you may write",
    6,
    follow=the_same_command("--yes"),
)
def the_home_is_read_only(scene: Scene) -> Outcome:
    """Without the mount, the folder that ROCMSWITCH_HOME names in tests can be written."""
    return scene.fail_below(with_read_only(scene.line.layout.data), "install", NAME)


@scenario("cli/use_choice", "run `rocmswitch use NAME --pin`, with what you mean: it writes the file anew", 1)
def a_pin_says_no_name(scene: Scene) -> Outcome:
    scene.venv()
    (scene.line.home / ".rocm-version").write_text("../../etc\n")
    return scene.fail("use")


@scenario("cli/use_place", "run `rocmswitch use {} --venv NAME`, which needs no link", 6)
def the_link_to_an_environment_has_no_place(scene: Scene) -> Outcome:
    """Nothing was made by then: neither fetched nor left without the link by which it was to be called."""
    place = scene.folder / "project"
    words = with_read_only(place)
    failed = scene.fail_below(words, "use", NAME, "--venv", str(place / ".venv"), "--yes")
    assert not scene.line.layout.venvs.exists()
    return failed
