"""A lock of a stack that is not known here, with the way out."""

from __future__ import annotations

import shutil

from tests.support.acme import NAME
from tests.support.commandline import CommandLine, Outcome
from tests.support.scenes import Scene, scenario


def with_its_manifest(scene: Scene, hint: str) -> Outcome:
    (file,) = scene.site.person(scene.folder / "author").layout.manifests.iterdir()
    assert f"`{file.name}`" in hint and f"`{scene.line.layout.manifests}`" in hint
    scene.line.layout.manifests.mkdir(parents=True)
    shutil.copy(file, scene.line.layout.manifests)
    return scene.again()


@scenario(
    "cli/install_locked",
    "put `{}.yaml`, from where the lock was written, into `{}`, then run the same command again",
    3,
    follow=with_its_manifest,
)
def a_lock_is_of_a_stack_without_a_manifest(scene: Scene) -> Outcome:
    scene.prefix()
    file = scene.folder / "rocmswitch.lock"
    scene.line.succeed("lock", NAME, "-o", str(file))
    scene.line = CommandLine(scene.folder / "stranger")
    failed = scene.fail("install", "--locked", str(file), "--yes")
    assert f"is of `{NAME}`, from 127.0.0.1:" in failed.error
    return failed
