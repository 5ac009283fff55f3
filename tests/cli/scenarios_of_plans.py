"""Errors of plans, of what is stored and of the machine, with the way out of each."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rocmswitch.system.lock import held
from tests.cli.test_damage import garble_receipt
from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario, the_command_then
from tests.support.trees import replace_content


@scenario("planning/sets", "run `rocmswitch show {}`", 2)
def a_stack_has_no_such_set(scene: Scene) -> Outcome:
    return scene.fail("install", NAME, "--set", "libraries", "--yes")


@scenario("planning/naming", "give one of these names; `rocmswitch list --available` shows all", 2)
def a_version_means_two_vendors(scene: Scene) -> Outcome:
    scene.site.let(scene.line, "other-1.0")
    return scene.fail("show", "1.0")


@scenario("planning/naming", "run `rocmswitch list --available`", 3)
def a_name_is_like_no_other(scene: Scene) -> Outcome:
    return scene.fail("show", "zzz")


@scenario("planning/naming", "nearest {} {}; run `rocmswitch list --available`", 3)
def a_version_is_not_there_but_others_are(scene: Scene) -> Outcome:
    return scene.fail("install", "6.2.9")


@scenario("planning/space", "run `rocmswitch cache prune`", 6)
def a_stack_needs_more_room_than_there_is(scene: Scene) -> Outcome:
    stanzas = scene.site.repository.stanzas
    huge = "Installed-Size: 1000000000000\n"
    stanzas["main"] = [re.sub(r"Installed-Size: \d+\n", huge, text) for text in stanzas["main"]]
    scene.site.publish()
    return scene.fail("install", NAME, "--yes")


@scenario("planning/wheels", "run `rocmswitch use {} --venv NAME --python {}`", 3, then=3)
def the_wheels_exist_for_another_python(scene: Scene) -> Outcome:
    """None for a Python that is here: the hint leads on to what has to be installed."""
    wheels = yaml.safe_load(scene.site.manifest())["wheels"]
    scene.site.let(scene.line, wheels={**wheels, "python": ["cp37"]})
    return scene.fail("use", NAME, "--venv", "demo", "--python", sys.executable, "--yes")


@scenario(
    "store/catalog",
    "give the file and its stack another name, or write `replaces: {}` into it",
    5,
    follow=lambda scene, hint: replace_said(scene),
)
def a_manifest_would_replace_a_shipped_one_unsaid(scene: Scene) -> Outcome:
    scene.site.let(scene.line, "rocm-5.2.3")
    return scene.fail("show", "rocm-5.2.3")


def replace_said(scene: Scene) -> Outcome:
    scene.site.let(scene.line, "rocm-5.2.3", replaces="rocm-5.2.3")
    return scene.again()


@scenario("store/catalog", "install rocmswitch again", 1, follow=lambda scene, hint: scene.again())
def the_shipped_manifests_are_gone(scene: Scene) -> Outcome:
    package = scene.folder / "broken/rocmswitch"
    shutil.copytree(Path(sys.modules["rocmswitch"].__file__ or "").parent, package)
    shutil.rmtree(package / "manifests", ignore_errors=True)
    return scene.fail("list", "--available", PYTHONPATH=str(package.parent))


@scenario("store/catalog", "run `rocmswitch list --available`", 3)
def the_manifest_of_an_installed_stack_is_gone(scene: Scene) -> Outcome:
    scene.prefix()
    (scene.line.layout.manifests / f"{NAME}.yaml").unlink()
    return scene.fail("use", NAME, "--venv", "demo", "--yes")


@scenario("store/cache", "run `rocmswitch cache prune --all`", 6, follow=the_command_then("install", NAME, "--yes"))
def an_archive_may_not_be_read(scene: Scene) -> Outcome:
    """Not even by root, without the capability to read everything."""
    scene.prefix()
    scene.line.succeed("remove", NAME, "--purge", "--yes")
    for archive in scene.line.layout.archives.iterdir():
        archive.chmod(0)
    bounded = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    return scene.fail_below(bounded if os.geteuid() == 0 else [], "install", NAME, "--yes")


@scenario("store/installed", "run `rocmswitch install {}`", 3)
def a_stack_is_not_installed_yet(scene: Scene) -> Outcome:
    return scene.fail("run", NAME, "--", "true")


@scenario("store/installed", "run `rocmswitch install {}`", 3)
def the_prefix_of_an_environment_is_gone(scene: Scene) -> Outcome:
    scene.venv()
    scene.prefix().unlink()
    return scene.fail("run", "demo", "--", "true")


@scenario("store/installed", "run `rocmswitch list`", 3)
def a_path_is_no_environment(scene: Scene) -> Outcome:
    return scene.fail("run", "./nothing", "--", "true")


@scenario(
    "store/interpreters",
    "run the same command with `--python /path/to/python`",
    3,
    follow=lambda scene, hint: scene.again("--python", sys.executable),
)
def a_python_is_not_on_this_machine(scene: Scene) -> Outcome:
    return scene.fail("use", NAME, "--venv", "demo", "--yes", "--python", "{}.{}.99".format(*sys.version_info))


@scenario(
    "store/interpreters",
    "run the same command with `--python /path/to/python`",
    3,
    follow=lambda scene, hint: scene.again("--python", sys.executable),
    then=3,
)
def none_of_the_pythons_is_on_this_machine(scene: Scene) -> Outcome:
    """The only one that is here does not suit either, and that is said next."""
    wheels = yaml.safe_load(scene.site.manifest())["wheels"]
    scene.site.let(scene.line, wheels={**wheels, "python": ["cp37"]})
    return scene.fail("use", NAME, "--venv", "demo", "--yes")


@scenario("store/receipts", "run `rocmswitch repair {}`", 4)
def a_receipt_is_garbled(scene: Scene) -> Outcome:
    garble_receipt(scene.prefix())
    return scene.fail("run", NAME, "--", "true")


@scenario("store/trees", "run `rocmswitch list`", 3)
def the_prefix_is_removed_while_the_question_stands(scene: Scene) -> Outcome:
    scene.prefix()

    def meanwhile() -> str:
        scene.line.succeed("remove", NAME, "--yes")
        return "y\n"

    return scene.line.at_terminal("use", NAME, "--venv", "demo", answers=meanwhile)


@scenario(
    "store/virtualenv",
    "run `rocmswitch cache prune`",
    4,
    follow=the_command_then("use", NAME, "--venv", "second", "--yes"),
)
def an_unpacked_wheel_has_rotted(scene: Scene) -> Outcome:
    scene.venv()
    unpacked = [path for path in (scene.line.layout.cache / "uv").rglob("demo/__init__.py") if path.is_file()]
    assert unpacked
    for path in unpacked:
        replace_content(path, b"rotten\n")
    return scene.fail("use", NAME, "--venv", "second", "--yes")


@scenario("system/refusals", "run `rocmswitch cache prune`", 6)
def the_disk_is_full(scene: Scene) -> Outcome:
    """A file system of its own, of 64 kB, and the program on it."""
    place = scene.line.layout.prefixes
    place.mkdir(parents=True)
    command = 'mount -t tmpfs -o size=64k none "$1" && shift && exec "$@"'
    words = ["unshare", "--mount", "--map-root-user", "sh", "-c", command, "sh", str(place)]
    probe = subprocess.run([*words, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"no small file system can be mounted here: {probe.stderr.decode().strip()}")
    return scene.fail_below(words, "install", NAME, "--yes")


@scenario(
    "system/lock", "run the same command again when it has ended", 75, follow=lambda scene, hint: scene.again()
)
def another_rocmswitch_is_at_work(scene: Scene) -> Outcome:
    scene.prefix()
    with held(scene.line.layout.locks / "prefixes" / f"{NAME}.lock", wait=0, what="it"):
        return scene.fail("--wait", "0", "remove", NAME, "--yes")
