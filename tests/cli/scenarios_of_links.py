"""Errors of what is active, linked and removed, with the way out of each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.debs import Library, make_library
from tests.support.scenes import Scene, scenario


def rocm(scene: Scene, name: str = "rocm-by-hand") -> Path:
    """The least that counts as one."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc to make libraries")
    folder = scene.folder / name
    (folder / "lib").mkdir(parents=True)
    make_library(Library("libamdhip64.so.6"), folder / "lib/libamdhip64.so")
    (folder / ".info").mkdir()
    (folder / ".info/version").write_text("6.2.4-139\n")
    return folder


@scenario("operations/current", "run `rocmswitch use --off`", 3)
def what_is_active_was_removed(scene: Scene) -> Outcome:
    return scene.fail("current", ROCMSWITCH_ACTIVE=NAME)


@scenario("operations/link", "run `rocmswitch list`", 5)
def a_prefix_of_ours_is_to_be_linked(scene: Scene) -> Outcome:
    return scene.fail("link", str(scene.prefix()), "--yes")


@scenario("operations/link", "run `rocmswitch link {} NAME`", 5)
def a_link_gets_the_name_of_another(scene: Scene) -> Outcome:
    scene.line.succeed("link", str(rocm(scene)), "taken", "--yes")
    return scene.fail("link", str(rocm(scene, "other")), "taken", "--yes")


@scenario("operations/link", "run the same command again", 1, follow=lambda scene, hint: scene.again("--yes"))
def a_link_of_that_name_is_made_while_the_question_stands(scene: Scene) -> Outcome:
    folder = rocm(scene)
    scene.words = ("link", str(folder))

    def meanwhile() -> str:
        (folder / ".info/version").write_text("6.2.5-1\n")
        scene.line.succeed("link", str(folder), "linked-6.2.4", "--yes")
        (folder / ".info/version").write_text("6.2.4-139\n")
        return "y\n"

    return scene.line.at_terminal(*scene.words, answers=meanwhile)


@scenario("operations/repair", "run `rocmswitch remove {}` to let it go", 5)
def a_linked_rocm_is_to_be_repaired(scene: Scene) -> Outcome:
    scene.line.succeed("link", str(rocm(scene)), "--yes")
    return scene.fail("repair", "linked-6.2.4", "--yes")


@scenario("store/installed", "run `rocmswitch remove {}`", 3)
def a_linked_rocm_is_gone(scene: Scene) -> Outcome:
    folder = rocm(scene)
    scene.line.succeed("link", str(folder), "--yes")
    shutil.rmtree(folder)
    return scene.fail("run", "linked-6.2.4", "--", "true")


@scenario("cli/verify", "run `rocmswitch remove {}`, or have the folder there again", 4)
def what_is_linked_is_gone_when_all_is_verified(scene: Scene) -> Outcome:
    folder = rocm(scene)
    scene.line.succeed("link", str(folder), "mine", "--yes")
    shutil.rmtree(folder)
    return scene.fail("verify")
