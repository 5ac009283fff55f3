"""Where `use --venv` puts an environment, and what it refuses before one is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.cli.use_place import place
from rocmswitch.errors import UsageMistake
from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine


@pytest.mark.parametrize(
    ("text", "offered"),
    (
        ("Demo", "demo"),
        ("My Env!", "my-env"),
        ("x", "x-venv"),
        ("", "my-venv"),
        ("ü", "my-venv"),
        ("system", "system-venv"),
        ("6.2", "6.2-venv"),
        ("6.2!", "6.2-venv"),
        ("user", "user-venv"),
        ("driver", "driver-venv"),
        ("recommended", "recommended-venv"),
    ),
)
def test_a_name_that_none_can_have_comes_with_one_that_can(text: str, offered: str):
    with pytest.raises(UsageMistake) as caught:
        place(text, Path("/home/me"))

    assert caught.value.hint == f"run the same command with `--venv {offered}`"
    assert place(offered, Path("/home/me")).name == offered


def test_a_path_is_the_same_with_a_slash_at_its_end():
    assert place("./my env/", Path("/home/me")) == place("/home/me/my env", Path("/"))


def test_the_tilde_after_an_equals_sign_is_the_home_folder_and_the_link_is_told(line: CommandLine):
    outcome = line.run("use", NAME, "--venv=~/proj/.venv", "--yes")

    link = line.home / "proj/.venv"
    assert (outcome.code, link.is_symlink()) == (0, True), outcome
    assert f"{link} leads to {link.readlink().name}" in outcome.err.splitlines()
    assert not (line.home / "~").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    (
        (("--venv", "./file/.venv"), "is no folder, so nothing can be in it"),
        (("--venv", "./file"), "is there already, and rocmswitch did not make it"),
        (("--venv", "."), "is there already, and rocmswitch did not make it"),
    ),
)
def test_what_cannot_hold_a_link_is_refused_before_anything_is_fetched(
    words: tuple[str, ...], said: str, line: CommandLine, site: AcmeSite
):
    line.home.mkdir(exist_ok=True)
    (line.home / "file").touch()
    site.server.requests.clear()

    outcome = line.run("use", NAME, *words, "--yes")

    assert (outcome.code, said in outcome.error, site.server.requests) == (5, True, []), outcome


@pytest.mark.parametrize(
    ("words", "said"),
    (
        (("--gpu", "banana"), "`banana` is not a card like `gfx1010`"),
        (("--profile", "fast"), f"`{NAME}` has no profile `fast`, and no other either"),
    ),
)
def test_a_card_or_a_profile_that_there_cannot_be_is_refused_for_what_is_there_too(
    words: tuple[str, ...], said: str, line: CommandLine, site: AcmeSite
):
    before = line.run("use", NAME, *words, "--yes")
    line.succeed("install", NAME, "--yes")
    after = line.run("use", NAME, *words)

    assert [(one.code, one.error) for one in (before, after)] == [(2, said), (2, said)]
