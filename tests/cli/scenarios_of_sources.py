"""Errors of sources and their keys, with the way out of each."""

from __future__ import annotations

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario, the_command
from tests.support.tarballs import ROOT, TarballSite


def _unsigned(scene: Scene, *more: dict[str, object]) -> None:
    """The manifest of the small stack, whose author could not learn the fingerprint of the key."""
    source = {
        "kind": "apt",
        "url": scene.site.server.url("apt"),
        "suite": scene.site.repository.suite,
        "key": {"url": scene.site.server.url("key.asc")},
    }
    scene.site.let(scene.line, rocm={"sources": [source, *more]})


def stating_it(scene: Scene, hint: str) -> Outcome:
    """The command of the hint, with the fingerprint of the key that is meant."""
    command = f"`rocmswitch install {NAME} --source apt --key FINGERPRINT`"
    assert command in hint
    return scene.line.run("install", NAME, "--source", "apt", "--key", scene.site.key.fingerprint, "--yes")


@scenario("planning/origin", "run `{}`", 4, follow=stating_it)
def nobody_knows_the_key_of_a_source(scene: Scene) -> Outcome:
    _unsigned(scene)
    return scene.fail("install", NAME, "--yes")


@scenario("planning/origin", "run `{}`, or `rocmswitch install {} --source tarball`", 4, follow=stating_it)
def a_source_whose_key_nobody_knows_is_asked_for(scene: Scene) -> Outcome:
    tarballs = TarballSite(scene.folder / "tarballs")
    tarball = {"kind": "tarball", "url": tarballs.url, "root": ROOT, "digest": tarballs.pack()}
    _unsigned(scene, tarball)
    return scene.fail("install", NAME, "--source", "apt", "--yes")


@scenario("planning/origin", "run `rocmswitch show {}`", 2, follow=the_command)
def a_kind_of_source_is_asked_for_that_there_is_not(scene: Scene) -> Outcome:
    return scene.fail("install", NAME, "--source", "rpm", "--yes")
