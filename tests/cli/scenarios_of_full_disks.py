"""A disk that is full when room is to be made on it, with the way out."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, run_hinted, scenario

_COMMAND = 'mount -t tmpfs -o size=64k,mode=700 none "$1" && shift && exec "$@"'


def it_is_gone(scene: Scene, hint: str) -> Outcome:
    (outcome,) = run_hinted(scene, hint)
    assert not (scene.line.layout.prefixes / NAME).exists()
    assert not list((scene.line.layout.prefixes / ".trees").glob("*"))
    return outcome


@scenario(
    "operations/remove",
    "run `rocmswitch remove {} --purge`, which frees its disk space and needs none",
    6,
    follow=it_is_gone,
)
def there_is_no_room_to_record_a_removal(scene: Scene) -> Outcome:
    """The records on a file system of their own, of 64 kB."""
    scene.prefix()
    place = scene.line.layout.backups
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    words = ["unshare", "--mount", "--map-root-user", "sh", "-c", _COMMAND, "sh", str(place)]
    probe = subprocess.run([*words, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"no small file system can be mounted here: {probe.stderr.decode().strip()}")
    return scene.fail_below(words, "remove", NAME, "--yes")
