"""A subkey's fingerprint is stated instead of its primary key's, with the way out."""

from __future__ import annotations

import atexit
from functools import cache

from tests.support.acme import NAME
from tests.support.aptrepository import DEFAULT
from tests.support.commandline import Outcome
from tests.support.keys import KeyFolder, SigningKey
from tests.support.scenes import Scene, scenario


@cache
def key_with_subkey() -> SigningKey:
    """It ends with the tests."""
    folder = KeyFolder().__enter__()
    atexit.register(folder.__exit__, None, None, None)
    return folder.with_subkey()


def stating_the_primary_key(scene: Scene, hint: str) -> Outcome:
    primary = key_with_subkey().fingerprint
    assert f"`--key {primary}`" in hint
    return scene.line.run("install", NAME, "--key", primary, "--yes")


@scenario(
    "fetch/signed",
    "run the same command with `--key {}`, or write that where a file has the other",
    4,
    follow=stating_the_primary_key,
)
def a_subkey_is_stated(scene: Scene) -> Outcome:
    scene.site.repository.key = key_with_subkey()
    scene.site.repository.publish(DEFAULT)
    key = {"url": scene.site.server.url("subkeys.asc")}
    scene.site.repository.publish_key(scene.site.folder / "subkeys.asc")
    source = {"kind": "apt", "url": scene.site.server.url("apt"), "suite": scene.site.repository.suite, "key": key}
    scene.site.let(scene.line, rocm={"sources": [source]})
    return scene.fail("install", NAME, "--key", key_with_subkey().subkey, "--yes")
