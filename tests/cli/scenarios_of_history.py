"""Errors of the way back: history, restore and undo, with the way out of each."""

from __future__ import annotations

import shutil
import subprocess
import venv as environments
from pathlib import Path

import pytest

from tests.support.acme import NAME
from tests.support.changes import CutBeforeRecording, ledger, put
from tests.support.commandline import Outcome
from tests.support.disk import PowerCut
from tests.support.patched import MIOPEN, PYTHON, foreign, patched, put_torch, write
from tests.support.pytorchwheels import torch_wheel
from tests.support.scenes import Scene, scenario
from tests.support.torchenvironment import RPATH

OWN = "torch/lib/libown.so"
"""Of the user's own, and of no package."""


def made(scene: Scene) -> Path:
    """An environment of the user's, with torch in it."""
    folder = scene.folder / "my venv"
    foreign(folder)
    return folder


def library(venv: Path, path: str = MIOPEN) -> Path:
    return next(venv.glob("lib/python*/site-packages")) / path


def deployed(scene: Scene) -> Path:
    """The same, with a patched library deployed into it."""
    venv = made(scene)
    source = write(scene.folder / "built/libMIOpen.so", patched())
    scene.line.succeed("deploy", str(source), "--into", str(venv), "--yes")
    return venv


def garble(path: Path) -> None:
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    write(path, bytes(content))


@scenario("cli/history", "run `rocmswitch backup prune {}` to let it go", 4)
def a_record_is_damaged(scene: Scene) -> Outcome:
    deployed(scene)
    garble(scene.line.layout.backups / "1/record")
    return scene.fail("history")


@scenario("operations/restore", "run `rocmswitch history {}` for what was there, and how to go on", 5)
def what_was_broken_off_stands_there(scene: Scene) -> Outcome:
    venv = made(scene)
    with pytest.raises(PowerCut):
        put(scene.line, str(venv), {MIOPEN: b"one"}, CutBeforeRecording())
    write(library(venv), b"somebody's")
    scene.line.succeed("history")
    return scene.fail("restore", str(venv), "--yes")


@scenario("operations/history", "run `rocmswitch history`", 3)
def the_history_of_nobody_is_asked_for(scene: Scene) -> Outcome:
    return scene.fail("history", "nobody")


@scenario("operations/restore", "run `rocmswitch history`", 3)
def nothing_was_deployed_there(scene: Scene) -> Outcome:
    return scene.fail("restore", str(made(scene)), "--yes")


@scenario("operations/returning", "run `rocmswitch history`", 3)
def a_removed_stack_was_deleted_by_hand(scene: Scene) -> Outcome:
    (tree,) = (scene.prefix().parent / ".trees").iterdir()
    scene.line.succeed("remove", NAME, "--yes")
    for folder in (tree, *(path for path in tree.rglob("*") if path.is_dir() and not path.is_symlink())):
        folder.chmod(0o700)
    shutil.rmtree(tree)
    return scene.fail("undo", "--yes")


@scenario("operations/returning", "run `rocmswitch history` for what else was saved", 4)
def what_was_saved_of_a_file_of_no_package_is_gone(scene: Scene) -> Outcome:
    venv = made(scene)
    write(library(venv, OWN), b"own")
    put(scene.line, str(venv), {OWN: b"other"})
    ledger(scene.line).saved(1, "0.before").unlink()
    return scene.fail("restore", str(venv), "--yes")


@scenario("operations/returning", "run `rocmswitch remove {}`", 5)
def a_stack_that_came_back_and_is_used_is_to_go_again(scene: Scene) -> Outcome:
    scene.prefix()
    scene.line.succeed("remove", NAME, "--yes")
    scene.line.succeed("undo", "--yes")
    scene.venv()
    return scene.fail("undo", "2", "--yes")


@scenario("operations/returning", "run `rocmswitch use {} --venv {} --rebind`", 4)
def what_was_saved_of_an_environment_of_ours_is_damaged(scene: Scene) -> Outcome:
    scene.venv()
    listed = next(scene.line.layout.venvs.glob("demo/lib/python*/site-packages"))
    path = str(next(one for one in sorted(listed.rglob("*.py")) if one.is_file()).relative_to(listed))
    put(scene.line, "demo", {path: b"patched = True\n"})
    garble(ledger(scene.line).saved(1, "0.before"))
    return scene.fail("restore", "demo", "--yes")


def by_the_wheel(scene: Scene, hint: str) -> Outcome:
    """Run the hinted line, which asks for exactly the version, where only a folder of wheels is to be had."""
    wheels = scene.folder / "wheels"
    wheels.mkdir()
    wheel = torch_wheel(RPATH, PYTHON)
    (wheels / wheel.filename).write_bytes(wheel.content)
    offline = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_NO_INDEX": "1"}
    found = {"PIP_FIND_LINKS": str(wheels), "UV_FIND_LINKS": str(wheels), "UV_CACHE_DIR": str(scene.folder / "uv")}
    line = hint.removeprefix("run `").removesuffix("`")
    environment = scene.line.variables(**offline, **found)
    done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return scene.line.run("restore", str(scene.folder / "my venv"))


@scenario("operations/returning", "run `{} -m pip install --force-reinstall --no-deps {}`", 4, follow=by_the_wheel)
def what_was_saved_of_an_environment_with_pip_is_damaged(scene: Scene) -> Outcome:
    environments.create(scene.folder / "my venv", symlinks=True, with_pip=True)
    put_torch(library(scene.folder / "my venv", ""))
    return _damaged(scene, scene.folder / "my venv")


@scenario(
    "operations/returning", "run `uv pip install --python {} --reinstall --no-deps {}`", 4, follow=by_the_wheel
)
def what_was_saved_of_an_environment_of_uvs_is_damaged(scene: Scene) -> Outcome:
    return _damaged(scene, made(scene))


def _damaged(scene: Scene, venv: Path) -> Outcome:
    put(scene.line, str(venv), {MIOPEN: b"patched"})
    garble(ledger(scene.line).saved(1, "0.before"))
    return scene.fail("restore", str(venv), "--yes")


@scenario("planning/undoing", "run `rocmswitch remove {}`, then `rocmswitch undo {}`", 5)
def a_removed_stack_is_installed_anew(scene: Scene) -> Outcome:
    scene.prefix()
    scene.line.succeed("remove", NAME, "--yes")
    scene.line.succeed("install", NAME, "--set", "compiler", "--yes")
    return scene.fail("undo", "--yes")


@scenario("planning/undoing", "run `rocmswitch backup prune {}` to let what it has saved go", 5)
def somebody_else_has_chosen_what_new_shells_enter(scene: Scene) -> Outcome:
    scene.prefix()
    scene.line.succeed("use", NAME, "--default", "--shell", "sh")
    default = scene.line.layout.activations / "default.sh"
    default.unlink()
    default.symlink_to("nothing.sh")
    return scene.fail("undo", "--yes")


@scenario(
    "planning/undoing",
    "run `rocmswitch deploy --again {}` to put it there once more, or `rocmswitch backup prune {}` to let it go",
    5,
)
def torch_was_installed_in_another_version_over_a_deployment(scene: Scene) -> Outcome:
    venv = deployed(scene)
    write(library(venv), patched(value=7))
    return scene.fail("undo", "--yes")


@scenario("planning/undoing", "run `rocmswitch history`", 5)
def an_environment_is_gone(scene: Scene) -> Outcome:
    shutil.rmtree(deployed(scene))
    return scene.fail("undo", "--yes")


@scenario("planning/undoing", "run `rocmswitch history` for what was, and how to let it go", 5)
def somebody_has_put_a_library_of_their_own_there(scene: Scene) -> Outcome:
    venv = deployed(scene)
    write(library(venv), b"their own")
    return scene.fail("restore", str(venv), "--yes")


@scenario("planning/undoing", "run `rocmswitch undo {}` first", 5)
def a_later_deployment_lies_above(scene: Scene) -> Outcome:
    put(scene.line, str(deployed(scene)), {MIOPEN: b"newer"})
    return scene.fail("undo", "1", "--yes")


@scenario("planning/undoing", "run `rocmswitch undo {}` to have it again", 5)
def it_was_undone_already(scene: Scene) -> Outcome:
    deployed(scene)
    scene.line.succeed("undo", "--yes")
    return scene.fail("undo", "1", "--yes")


@scenario("cli/settling", "run `rocmswitch history {}` for what may be half-changed", 4)
def the_journal_of_a_change_that_was_broken_off_is_damaged(scene: Scene) -> Outcome:
    venv = made(scene)
    with pytest.raises(PowerCut):
        put(scene.line, str(venv), {MIOPEN: b"other"}, CutBeforeRecording())
    garble(scene.line.layout.open_journal)
    return scene.fail("history")


@scenario("planning/undoing", "run `rocmswitch history {}` for what it may be", 5)
def what_is_undone_is_told_by_a_damaged_journal_alone(scene: Scene) -> Outcome:
    the_journal_of_a_change_that_was_broken_off_is_damaged(scene)
    return scene.fail("undo", "1", "--yes")


@scenario("operations/undo", "run `rocmswitch backup prune {}` to let it go", 4)
def what_is_undone_has_a_damaged_record(scene: Scene) -> Outcome:
    deployed(scene)
    garble(scene.line.layout.backups / "1/record")
    return scene.fail("undo", "1", "--yes")
