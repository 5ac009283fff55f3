"""Places where no environment can be, names that none can have, Pythons without wheels; with the way out."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Follow, Scene, scenario


def _use(scene: Scene, place: Path | str, *more: str) -> Outcome:
    return scene.fail("use", NAME, "--venv", str(place), "--yes", *more)


def another(option: str, value: str = "") -> Follow:
    """The same with another value of *option*: that of the hint, or *value* where the hint leaves it open."""

    def follow(scene: Scene, hint: str) -> Outcome:
        words = list(scene.words)
        words[words.index(option) + 1] = value or hint.rpartition(f"{option} ")[2].rstrip("`")
        return scene.line.run(*words)

    return follow


@scenario("cli/use_place", "run the same command with `--venv {}`", 2, follow=another("--venv"))
def a_name_has_a_blank(scene: Scene) -> Outcome:
    return _use(scene, "My Env")


@scenario("cli/use_place", "run the same command with `--venv {}`", 2, follow=another("--venv"))
def a_name_is_a_release_s(scene: Scene) -> Outcome:
    failed = _use(scene, "6.2")
    assert (
        failed.error
        == "`6.2` means a release of ROCm wherever a name is given, so an environment needs another one"
    )
    return failed


@scenario(
    "cli/use_place",
    "run the same command with another `--venv PATH`",
    5,
    follow=another("--venv", "./.venv"),
)
def a_file_is_where_a_folder_would_have_to_be(scene: Scene) -> Outcome:
    file = scene.folder / "file"
    file.touch()
    return _use(scene, file / ".venv")


@scenario("cli/use_place", "run `rocmswitch use {}`, which puts it inside", 5)
def an_environment_is_to_be_the_project_itself(scene: Scene) -> Outcome:
    (scene.folder / "project").mkdir()
    return _use(scene, scene.folder / "project")


def when_it_has_made_way(scene: Scene, hint: str) -> Outcome:
    subprocess.run(shlex.split(hint.split("`")[1]), check=True)
    return scene.again()


@scenario("cli/use_place", "run `{}`, then the same command", 5, follow=when_it_has_made_way)
def another_tool_s_environment_is_there(scene: Scene) -> Outcome:
    there = scene.folder / "my project/.venv"
    there.mkdir(parents=True)
    (there / "pyvenv.cfg").touch()
    return _use(scene, there)


@scenario("store/interpreters", "run the same command with `--python {}`", 3, follow=another("--python"))
def a_python_is_neither_here_nor_are_wheels_for_it(scene: Scene) -> Outcome:
    return _use(scene, "demo", "--python", "3.6")


@scenario("planning/wheels", "run the same command with `--require {}`", 5, follow=another("--require"))
def a_wheel_is_checked_by_less_than_is_required(scene: Scene) -> Outcome:
    return _use(scene, "demo", "--require", "signed")


@scenario("cli/use", "run `rocmswitch {}`", 2)
def what_is_for_an_environment_is_said_of_a_stack(scene: Scene) -> Outcome:
    return scene.fail("use", NAME, "--python", sys.executable)
