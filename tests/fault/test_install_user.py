"""The whole job as an ordinary user, whom the modes of read-only trees bind, as they do not bind root."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.faults import assert_sound, assert_tidy
from tests.support.keys import KeyFolder
from tests.support.running import OrdinaryUser
from tests.support.tinystack import TINY, TinyServer


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyServer]:
    with KeyFolder() as keys, TinyServer(tmp_path_factory.mktemp("served"), keys.modern(), plugins=3) as served:
        yield served


@pytest.fixture
def user(served: TinyServer) -> Iterator[OrdinaryUser]:
    """Somebody with the runtime set."""
    with OrdinaryUser.made() as user:
        served.furnish(user.line.layout)
        user.own()
        succeed(user, "install", TINY, "--yes")
        yield user


def succeed(user: OrdinaryUser, *words: str, **environment: str) -> None:
    outcome = user.run(*words, **environment)
    assert outcome.code == 0, outcome
    assert assert_sound(user.line.layout) is not None
    assert_tidy(user.line.layout)


def library(user: OrdinaryUser) -> Path:
    return user.line.layout.prefixes / TINY / "opt/tiny/lib/libhip.so.5"


def test_sets_are_added_and_everything_is_removed(user: OrdinaryUser) -> None:
    succeed(user, "install", TINY, "--set", "libraries", "--yes")
    succeed(user, "verify")
    succeed(user, "install", TINY, "--set", "compiler", "--yes")
    succeed(user, "verify")
    succeed(user, "remove", TINY, "--yes")
    succeed(user, "backup", "prune", "--yes")

    assert list((user.line.layout.prefixes / ".trees").iterdir()) == []


def test_what_a_new_tree_shares_is_linked_to_the_old_one(user: OrdinaryUser) -> None:
    shared = user.line.layout.prefixes / TINY / "opt/tiny/lib/libhsa.so.1"
    before = shared.stat().st_ino

    succeed(user, "install", TINY, "--set", "libraries", "--yes")

    assert shared.stat().st_ino == before


def test_a_damaged_tree_is_repaired(user: OrdinaryUser) -> None:
    library(user).parent.chmod(0o755)
    library(user).unlink()
    assert user.run("verify").code == 4

    succeed(user, "repair", TINY, "--yes")


def test_a_tree_that_was_begun_and_is_read_only_is_cleared_away(user: OrdinaryUser) -> None:
    begun = user.line.layout.prefixes / ".trees" / f"{TINY}-0123456789ab"
    (begun / "opt/tiny").mkdir(parents=True)
    (begun / "opt/tiny/file").write_text("half")
    user.own()
    for folder in (begun / "opt/tiny", begun / "opt", begun):
        folder.chmod(0o555)

    succeed(user, "install", TINY, "--set", "compiler", "--yes")


def test_an_environment_is_made_and_removed(user: OrdinaryUser, served: TinyServer) -> None:
    succeed(user, "use", TINY, "--venv", "demo", "--yes", PIP_INDEX_URL=served.index)
    assert user.run("run", "demo", "--", "python", "-c", "import hello; print(hello.words)").out == "hello\n"

    succeed(user, "remove", "demo", "--yes")
    succeed(user, "cache", "prune", "--all", "--yes")


def test_an_archive_that_may_not_be_read_is_said_by_name(user: OrdinaryUser) -> None:
    for archive in user.line.layout.archives.iterdir():
        archive.chmod(0)
    library(user).parent.chmod(0o755)
    library(user).unlink()

    outcome = user.run("repair", TINY, "--yes")

    assert outcome.code == 6
    named = outcome.error.removesuffix("` may not be changed or read by this user (Permission denied)")
    assert Path(named.removeprefix("`")) in set(user.line.layout.archives.iterdir())
    assert outcome.hint == "run `rocmswitch cache prune --all`"
    assert user.run("cache", "prune", "--all", "--yes").code == 0
    succeed(user, "repair", TINY, "--yes")


def test_a_folder_in_the_place_of_an_archive_is_said_by_name(user: OrdinaryUser, served: TinyServer) -> None:
    compiler = hashlib.sha256(served.archive("hipcc").read_bytes()).hexdigest()
    (user.line.layout.archives / compiler).mkdir()
    user.own()

    outcome = user.run("install", TINY, "--set", "compiler", "--yes")

    said = f"`{user.line.layout.archives / compiler}` could not be used (Is a directory)"
    assert (outcome.code, outcome.error) == (1, said)


@pytest.mark.parametrize("folder", ("data", "cache"))
def test_a_read_only_folder_is_named_and_nothing_is_changed(folder: str, user: OrdinaryUser) -> None:
    before = assert_sound(user.line.layout)
    closed = [user.line.layout.data.parent / folder]
    closed += [
        path
        for path in closed[0].rglob("*")
        if path.is_dir() and not path.is_symlink() and ".trees/" not in str(path)
    ]
    modes = {path: path.stat().st_mode for path in closed}
    for path in closed:
        path.chmod(0o555)

    outcome = user.run("install", TINY, "--set", "compiler", "--yes")

    for path, mode in modes.items():
        path.chmod(mode)
    assert outcome.code == 6, outcome
    assert f"`{user.line.layout.data.parent / folder}" in outcome.error
    assert assert_sound(user.line.layout) == before
