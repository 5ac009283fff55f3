"""What is made again after it was removed is as new, whatever became of the one that is kept for the way back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.store.intact import changes
from tests.support.commandline import CommandLine
from tests.support.disk import remove_folder
from tests.support.keys import KeyFolder
from tests.support.pytorchsite import PytorchSite
from tests.support.tinystack import TINY, TinyServer

STACK, TORCH = "rocm-6.2.4", "2.7.1+rocm6.2.4"
MAKE = ("use", STACK, "--venv", "demo", "--yes")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PytorchSite]:
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    with PytorchSite(tmp_path_factory.mktemp("site"), pythons=(tag,)) as site:
        yield site


@pytest.fixture
def line(site: PytorchSite, tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path, {"PIP_INDEX_URL": site.simple})
    site.let(line, STACK)
    line.succeed(*MAKE)
    return line


def spoil(line: CommandLine) -> Path:
    """What a tool that asks nobody does to an environment. Returns its tree."""
    tree = (line.layout.venvs / "demo").resolve()
    for version in tree.glob("lib/python*/site-packages/torch-*.dist-info"):
        version.rename(version.with_name("torch-9.9.dist-info"))
    assert changes(tree)
    return tree


def test_an_environment_that_is_removed_and_made_again_is_as_new(line: CommandLine) -> None:
    spoiled = spoil(line)

    line.succeed("remove", "demo", "--yes")
    line.succeed(*MAKE)

    assert changes(line.layout.venvs / "demo", thorough=True) == ()
    assert (line.layout.venvs / "demo").resolve() != spoiled
    assert spoiled.is_dir()


def test_the_removed_one_comes_back_as_its_owner_left_it(line: CommandLine) -> None:
    spoiled = spoil(line)
    line.succeed("remove", "demo", "--yes")
    line.succeed(*MAKE)
    line.succeed("remove", "demo", "--yes")

    line.succeed("undo", "1", "--yes")

    assert (line.layout.venvs / "demo").resolve() == spoiled


def test_it_is_known_for_what_it_is_when_it_is_asked_for_once_more(tmp_path: Path) -> None:
    with KeyFolder() as keys, TinyServer(tmp_path / "served", keys.modern()) as served:
        line = CommandLine(tmp_path, {"PIP_INDEX_URL": served.index})
        served.furnish(line.layout)
        make = ("use", TINY, "--venv", "demo", "--python", sys.executable, "--yes")
        for _ in range(2):
            line.succeed(*make)
            line.succeed("remove", "demo", "--yes")
        line.succeed(*make)
        made = (line.layout.venvs / "demo").resolve()
        line.succeed("backup", "prune", "--all", "--yes")

        again = line.run(*make)

        assert (again.code, "made demo" in again.err) == (0, False), again
        assert (line.layout.venvs / "demo").resolve() == made
        remove_folder(line.folder / "rocmswitch")


@pytest.mark.parametrize("damaged", (True, False))
def test_a_stack_that_is_removed_is_used_again_only_where_it_is_as_it_was_installed(
    damaged: bool, tmp_path: Path
) -> None:
    with KeyFolder() as keys, TinyServer(tmp_path / "served", keys.modern()) as served:
        line = CommandLine(tmp_path, {"PIP_INDEX_URL": served.index})
        served.furnish(line.layout)
        line.succeed("install", TINY, "--yes")
        tree = (line.layout.prefixes / TINY).resolve()
        library = tree / "opt/tiny/lib/libhip.so.5"
        if damaged:
            library.chmod(0o644)
            library.write_bytes(b"damaged")
            library.chmod(0o444)
        line.succeed("remove", TINY, "--yes")

        line.succeed("install", TINY, "--yes")

        assert line.run("verify", TINY).code == 0
        assert ((line.layout.prefixes / TINY).resolve() == tree) is not damaged
        remove_folder(line.folder / "rocmswitch")
