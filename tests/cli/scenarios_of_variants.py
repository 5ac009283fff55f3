"""Errors of deploying into a stack, and of kernels from one, with the way out of each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.scenarios_of_links import rocm
from tests.support.acme import NAME
from tests.support.blasstack import GPU, environment, install_blas, offer_blas
from tests.support.commandline import Outcome
from tests.support.debs import Library, make_library
from tests.support.scenes import Scene, scenario, the_same_command
from tests.support.trees import replace_content

VARIANT = f"{NAME}+patched"


def library(scene: Scene, path: Path | None = None, value: int = 7) -> str:
    """A libacme.so.1 of somebody's own."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here: install gcc")
    made = path or scene.folder / "libacme.so"
    made.parent.mkdir(parents=True, exist_ok=True)
    make_library(Library("libacme.so.1", value=value), made)
    return str(made)


def words(scene: Scene, *more: str) -> tuple[str, ...]:
    scene.prefix()
    return ("deploy", library(scene), "--into", NAME, *more)


def kernels(scene: Scene, version: str = "4.2.4.") -> Outcome:
    into = environment(scene.folder / "venv", version).parents[2]
    return scene.fail("deploy", "--gpu-kernels", GPU, "--from", NAME, "--into", str(into), "--yes")


def removed_and_deployed(scene: Scene, hint: str) -> Outcome:
    """FILE lies where the commands are typed."""
    library(scene, scene.line.home / "FILE")
    scene.line.succeed("remove", VARIANT, "--yes")
    return scene.line.run(*hint.rpartition("rocmswitch ")[2].rstrip("`").split(), "--yes")


@scenario(
    "operations/repair",
    "run `rocmswitch remove {}`, then `rocmswitch deploy FILE --into {} --name {}`",
    5,
    follow=removed_and_deployed,
)
def a_damaged_variant_is_to_be_repaired(scene: Scene) -> Outcome:
    scene.line.succeed(*words(scene, "--yes"))
    replace_content(scene.line.layout.prefixes / VARIANT / "usr/lib/libacme.so.1", b"other")
    return scene.fail("repair", VARIANT, "--yes")


@scenario("operations/variant", "run `rocmswitch list`, and name a stack that rocmswitch has installed", 5)
def a_library_is_to_go_into_a_linked_rocm(scene: Scene) -> Outcome:
    scene.line.succeed("link", str(rocm(scene)), "theirs", "--yes")
    return scene.fail("deploy", library(scene), "--into", "theirs", "--yes")


@scenario("operations/variant", "run `rocmswitch repair {}`", 4)
def a_library_is_to_go_into_a_damaged_stack(scene: Scene) -> Outcome:
    replace_content(scene.prefix() / "usr/share/acme/data", b"damaged and longer")
    return scene.fail(*words(scene, "--yes"))


@scenario("operations/variant", "run the same command again", 1, follow=the_same_command("--yes", heal=False))
def a_variant_of_that_name_is_made_while_the_question_stands(scene: Scene) -> Outcome:
    scene.words = words(scene)

    def meanwhile() -> str:
        other = library(scene, scene.folder / "other/libacme.so", value=9)
        scene.line.succeed("deploy", other, "--into", NAME, "--yes")
        return "y\n"

    return scene.line.at_terminal(*scene.words, answers=meanwhile)


@scenario("store/variant", "run the same command again", 5, follow=the_same_command("--yes", heal=False))
def a_library_is_built_anew_while_the_question_stands(scene: Scene) -> Outcome:
    scene.words = words(scene)

    def meanwhile() -> str:
        library(scene, value=9)
        return "y\n"

    return scene.line.at_terminal(*scene.words, answers=meanwhile)


@scenario("operations/gpukernels", "run `rocmswitch install {} --set libraries`", 5)
def kernels_are_wanted_of_a_stack_without_its_libraries(scene: Scene) -> Outcome:
    offer_blas(scene.site, scene.line)
    scene.prefix()
    return kernels(scene)


@scenario("operations/gpukernels", "run `rocmswitch list`", 2)
def kernels_are_wanted_of_an_environment(scene: Scene) -> Outcome:
    scene.venv()
    into = environment(scene.folder / "venv").parents[2]
    return scene.fail("deploy", "--gpu-kernels", GPU, "--from", "demo", "--into", str(into), "--yes")


@scenario(
    "planning/gpukernels",
    "run `rocmswitch list --available`, and take the kernels from a stack of the environment's ROCm",
    5,
)
def kernels_of_another_version_are_wanted(scene: Scene) -> Outcome:
    install_blas(scene.site, scene.line)
    return kernels(scene, "4.1.2.")
