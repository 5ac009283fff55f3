"""Errors of commands, servers and operations, with the way out of each."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest

from tests.cli.test_damage import lose_both_lists
from tests.support.acme import NAME
from tests.support.aptrepository import Publication
from tests.support.commandline import Outcome
from tests.support.keys import GPGV
from tests.support.scenes import Scene, scenario, the_same_command
from tests.support.server import Fault
from tests.support.trees import replace_content

NOW = datetime.now(timezone.utc)


def the_command_with_its_traceback(scene: Scene, hint: str) -> Outcome:
    """Where the fault still is."""
    (command,) = re.findall(r"`rocmswitch ([^`]*)`", hint)
    outcome = scene.line.run(*command.split(), **scene.environment)
    assert "Traceback" in outcome.err and not outcome.hint
    return outcome


@scenario(
    "cli/main",
    "run `rocmswitch --debug {}` and report what it says",
    1,
    follow=the_command_with_its_traceback,
    then=1,
)
def rocmswitch_itself_is_broken(scene: Scene) -> Outcome:
    (scene.folder / "yaml.py").write_text("raise RuntimeError('not the yaml that it needs')")
    return scene.fail("show", NAME, PYTHONPATH=str(scene.folder))


@scenario("cli/main", "run `{} --help`", 2)
def the_command_line_is_wrong(scene: Scene) -> Outcome:
    return scene.fail("install", NAME, "--no-such-option")


@scenario("cli/output", "run the same command with `--yes`", 5, follow=the_same_command("--yes", heal=False))
def nobody_is_there_to_agree(scene: Scene) -> Outcome:
    scene.prefix()
    return scene.fail("remove", NAME)


@scenario("cli/use_missing", "run `rocmswitch list`", 3)
def a_path_that_is_no_environment_is_used(scene: Scene) -> Outcome:
    return scene.fail("use", "./nothing")


@scenario("cli/verify", "run `rocmswitch list --available`", 3)
def nothing_is_there_to_verify(scene: Scene) -> Outcome:
    return scene.fail("verify")


@scenario("cli/verify", "run `rocmswitch repair {}`", 4)
def a_file_of_a_prefix_was_changed(scene: Scene) -> Outcome:
    replace_content(scene.prefix() / "usr/share/acme/data", b"other\n")
    return scene.fail("verify")


@scenario(
    "cli/verify",
    "run `rocmswitch remove {}`, then {}",
    4,
)
def a_file_of_an_environment_was_changed(scene: Scene) -> Outcome:
    (module,) = scene.venv().rglob("demo/__init__.py")
    replace_content(module, b"other\n")
    return scene.fail("verify", "demo")


@scenario("fetch/compressed", "try again later: run the same command in some minutes", 4, follow=the_same_command())
def the_mirror_is_being_synchronised(scene: Scene) -> Outcome:
    for path in scene.site.repository.dists.glob("main/binary-amd64/Packages*"):
        path.write_bytes(path.read_bytes() + b"\n")
    return scene.fail("install", NAME, "--yes")


@scenario(
    "fetch/release",
    "if you know why the mirror is behind, run the same command with `--allow-expired`",
    4,
    follow=the_same_command("--allow-expired", heal=False),
)
def the_index_has_expired(scene: Scene) -> Outcome:
    scene.site.publish(Publication(valid_until=NOW - timedelta(days=2)))
    return scene.fail("install", NAME, "--yes")


@scenario(
    "fetch/sequoia",
    "install gpgv: `sudo apt install gpgv`, or the package gnupg2 where there is no apt",
    6,
    follow=lambda scene, hint: scene.again(),
)
def an_old_key_meets_a_machine_without_gpgv(scene: Scene) -> Outcome:
    if GPGV is None:
        pytest.skip("no gpgv here to be hidden")
    scene.site.key = scene.site.repository.key = scene.site.key.folder.old("Key of 2016")
    scene.site.repository.publish_key(scene.site.folder / "key.asc")
    scene.site.publish()
    scene.site.let(scene.line)
    return scene.fail("install", NAME, "--yes", PATH=str(scene.folder))


@scenario(
    "fetch/transfer",
    "run the same command again: it goes on where it stopped",
    6,
    follow=the_same_command(),
)
def a_server_does_not_answer(scene: Scene) -> Outcome:
    scene.site.server.misbehave(scene.site.archive("acme-core"), Fault(status=503))
    return scene.fail("install", NAME, "--yes")


@scenario(
    "errors",
    "run the same command again once this machine reaches it; behind a proxy, set `https_proxy`",
    6,
    follow=lambda scene, hint: scene.again(),
)
def a_server_cannot_be_reached(scene: Scene) -> Outcome:
    return scene.fail("install", NAME, "--yes", http_proxy="http://127.0.0.1:9", no_proxy="")


@scenario(
    "fetch/transfer",
    "try again later with the same command: servers are like this while a release is copied to them",
    4,
    follow=the_same_command(),
)
def a_package_has_another_size(scene: Scene) -> Outcome:
    scene.site.server.misbehave(scene.site.archive("acme-core"), Fault(content=b"short"))
    return scene.fail("install", NAME, "--yes")


@scenario("operations/building", "run the same command again", 1, follow=lambda scene, hint: scene.again("--yes"))
def another_set_is_installed_while_the_question_stands(scene: Scene) -> Outcome:
    scene.prefix()
    scene.words = ("install", NAME, "--set", "compiler")

    def meanwhile() -> str:
        scene.line.succeed("remove", NAME, "--yes")
        return "y\n"

    return scene.line.at_terminal(*scene.words, answers=meanwhile)


@scenario("operations/current", "run `rocmswitch list`", 3)
def a_tool_is_looked_for_where_nothing_is_active(scene: Scene) -> Outcome:
    return scene.fail("which", "hipcc")


@scenario("operations/remove", "run `rocmswitch remove {}`", 5)
def a_prefix_is_still_used(scene: Scene) -> Outcome:
    scene.venv()
    return scene.fail("remove", NAME, "--yes")


@scenario(
    "operations/repair",
    "run `rocmswitch remove {}`, then `rocmswitch use {} --venv {}`",
    5,
)
def an_environment_is_to_be_repaired(scene: Scene) -> Outcome:
    (module,) = scene.venv().rglob("demo/__init__.py")
    replace_content(module, b"other\n")
    return scene.fail("repair", "demo", "--yes")


@scenario(
    "operations/repair",
    "run `rocmswitch remove {}`, then {}",
    5,
)
def nothing_tells_what_a_prefix_was_made_of(scene: Scene) -> Outcome:
    lose_both_lists(scene.prefix())
    return scene.fail("repair", NAME, "--yes")


@scenario("operations/resolving", "run `rocmswitch install {}`", 3)
def a_stack_has_no_lock(scene: Scene) -> Outcome:
    return scene.fail("install", NAME, "--locked", "--yes")


@scenario("operations/run", "run `rocmswitch show {}`", 3)
def a_program_is_not_there(scene: Scene) -> Outcome:
    scene.prefix()
    return scene.fail("run", NAME, "--", "no-such-program")


@scenario("operations/which", "run `rocmswitch show {}`", 3)
def a_tool_is_not_there(scene: Scene) -> Outcome:
    scene.prefix()
    return scene.fail("which", "no-such-tool", NAME)


@scenario("operations/use", "run `rocmswitch install {}` for the ROCm tree alone", 5)
def a_stack_has_no_wheels(scene: Scene) -> Outcome:
    scene.site.let(scene.line, wheels=None)
    return scene.fail("use", NAME, "--venv", "demo", "--yes")
