"""Errors of bundles and locks, with the way out of each."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import yaml

from tests.support.acme import NAME
from tests.support.aptrepository import Publication
from tests.support.commandline import CommandLine, Outcome
from tests.support.scenes import Scene, scenario, the_same_command
from tests.support.therocksite import wheels_alone


def bundle(scene: Scene, *words: str, name: str = "acme.tar") -> Path:
    """One that the scene's own person has made."""
    path = scene.folder / name
    scene.line.succeed("bundle", "create", NAME, *words, "-o", str(path), "--yes")
    return path


def elsewhere(scene: Scene) -> None:
    """The scene's person is somebody who knows of no acme."""
    scene.line = CommandLine(scene.folder / "elsewhere")


@scenario(
    "fetch/dates",
    "if that is meant, run the same command with `--allow-expired`",
    4,
    follow=the_same_command("--allow-expired", heal=False),
)
def a_bundle_is_older_than_what_was_seen(scene: Scene) -> Outcome:
    path = bundle(scene)
    scene.site.publish(Publication(date=datetime.now(timezone.utc)))
    scene.prefix()
    scene.line.succeed("remove", NAME, "--purge", "--yes")
    return scene.fail("bundle", "install", str(path), "--yes")


@scenario("fetch/recorded", "run `rocmswitch bundle show {}`", 3)
def a_bundle_has_not_the_index_of_this_machine_s_manifest(scene: Scene) -> Outcome:
    path = bundle(scene)
    manifest = yaml.safe_load(scene.site.manifest())
    manifest["rocm"]["sources"][0]["suite"] = "another"
    scene.line.add_manifest(NAME, yaml.safe_dump(manifest).encode())
    return scene.fail("bundle", "install", str(path), "--yes")


@scenario("cli/bundled", "run `rocmswitch bundle show {}`", 3)
def a_bundle_has_not_that_set(scene: Scene) -> Outcome:
    return scene.fail("install", NAME, "--set", "compiler", "--from", str(bundle(scene)), "--yes")


@scenario("cli/bundle_install", "run `rocmswitch bundle show {}`", 3)
def a_bundle_has_no_wheels_at_all(scene: Scene) -> Outcome:
    return scene.fail("bundle", "install", str(bundle(scene)), "--venv", "demo", "--yes")


@scenario(
    "cli/bundle",
    "run `rocmswitch bundle show {}`: it names what is damaged",
    4,
    then=4,
)
def a_package_of_a_bundle_is_damaged(scene: Scene) -> Outcome:
    path = bundle(scene)
    content = path.read_bytes()
    at = content.index(b"!<arch>\n") + 400
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    elsewhere(scene)
    return scene.fail("bundle", "install", str(path), "--yes")


@scenario(
    "operations/unbundling",
    "run `rocmswitch bundle create {} --venv -o FILE` where there is a network",
    3,
    follow=lambda scene, hint: scene.line.run(
        "bundle", "create", NAME, "--venv", "-o", str(scene.folder / "more.tar"), "--yes"
    ),
)
def a_bundle_has_no_wheels_of_the_stack(scene: Scene) -> Outcome:
    return scene.fail("use", NAME, "--venv", "demo", "--from", str(bundle(scene)), "--yes")


@scenario(
    "cli/bundle_create",
    "run the same command with another `-o FILE`",
    5,
    follow=lambda scene, hint: scene.line.run(*scene.words[:4], str(scene.folder / "b.tar"), "--yes"),
)
def a_bundle_would_replace_something(scene: Scene) -> Outcome:
    path = bundle(scene)
    return scene.fail("bundle", "create", NAME, "-o", str(path), "--yes")


@scenario(
    "cli/bundle_create",
    "run the same command with `--venv`",
    5,
    follow=the_same_command("--venv", heal=False),
    then=6,
)
def a_stack_of_wheels_has_no_packages_to_bundle(scene: Scene) -> Outcome:
    """The card that its wheels are for is not in this machine, and that is said next."""
    scene.line.add_manifest("therock-10.1", wheels_alone("therock-10.1"))
    return scene.fail("bundle", "create", "therock-10.1", "-o", str(scene.folder / "a.tar"), "--yes")


@scenario("cli/lock", "run `rocmswitch list --available`", 3)
def nothing_is_there_to_lock(scene: Scene) -> Outcome:
    return scene.fail("lock", "-o", str(scene.folder / "a.lock"))


@scenario("cli/lock", "run the same command with `--yes` to replace it", 5, follow=the_same_command("--yes"))
def a_lock_is_there_already(scene: Scene) -> Outcome:
    scene.prefix()
    path = scene.folder / "a.lock"
    path.write_text("precious\n")
    return scene.fail("lock", NAME, "-o", str(path))


@scenario("operations/lock", "run `rocmswitch install {}` for a tree that carries it along", 6)
def a_machine_lacks_what_a_lock_leaves_to_it(scene: Scene) -> Outcome:
    lock = scene.folder / "a.lock"
    scene.prefix()
    scene.line.succeed("lock", NAME, "-o", str(lock))
    lock.write_text(lock.read_text().replace('"manifest_sha256"', '"host": ["libwanting1 1.0"], "manifest_sha256"'))
    manifest = yaml.safe_load(scene.site.manifest())
    manifest["rocm"]["host"] = {"libwanting1": ["libwanting.so.1"]}
    elsewhere(scene)
    scene.line.add_manifest(NAME, yaml.safe_dump(manifest).encode())
    return scene.fail("install", "--locked", str(lock), "--yes")
