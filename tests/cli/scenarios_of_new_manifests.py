"""Errors of repositories that say too little of themselves, with the words that say the rest."""

from __future__ import annotations

import re

from tests.support.acme import NAME
from tests.support.aptrepository import AptRepository
from tests.support.commandline import Outcome
from tests.support.debs import Deb
from tests.support.scenes import Scene, scenario

PLACE, SUITE = "elsewhere", "acme"


def repository(scene: Scene) -> str:
    """One of ROCm in a suite of an unusual name, whose key is elsewhere and pinned by no manifest. Its URL."""
    (scene.line.layout.manifests / f"{NAME}.yaml").unlink()
    folder = scene.site.folder / PLACE
    AptRepository(folder, scene.site.key, suite=SUITE).add(Deb("rocm-hip-runtime6.2.4", "6.2.4.60204-1")).publish()
    return scene.site.server.url(PLACE)


def fill_in(scene: Scene, hint: str) -> Outcome:
    """With the words in capitals for what is known elsewhere."""
    (command,) = re.findall(r"`rocmswitch ([^`]*)`", hint)
    known = {"SUITE": SUITE, "URL": scene.site.server.url("key.asc"), "FILE": str(scene.folder / "mine.yaml")}
    words = [known.get(word, word) for word in command.split()]
    if "--key-url" not in words:
        words += ["--key-url", known["URL"]]
    return scene.line.run(*words)


@scenario(
    "operations/manifest",
    "run `rocmswitch manifest new --from-repository {} --suite SUITE -o FILE`",
    3,
    follow=fill_in,
)
def no_suite_is_found(scene: Scene) -> Outcome:
    return scene.fail("manifest", "new", "--from-repository", repository(scene), "-o", "-")


@scenario(
    "operations/manifest",
    "run `rocmswitch manifest new --from-repository {}{} --key-url URL -o FILE`",
    3,
    follow=fill_in,
)
def no_key_is_found(scene: Scene) -> Outcome:
    return scene.fail("manifest", "new", "--from-repository", repository(scene), "--suite", SUITE, "-o", "-")
