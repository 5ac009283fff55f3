"""What a person can do about a tree whose receipt is garbled or gone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.trees import replace_content


def garble_receipt(tree: Path) -> None:
    replace_content(tree / ".rocmswitch/receipt.json", b"{")


def lose_receipt(tree: Path) -> None:
    replace_content(tree / ".rocmswitch/receipt.json", None)


def write_later_receipt(tree: Path) -> None:
    replace_content(tree / ".rocmswitch/receipt.json", b'{"schema": 9}')


def lose_both_lists(tree: Path) -> None:
    lose_receipt(tree)
    replace_content(tree / ".rocmswitch/files.json", None)


def lose_tree(tree: Path) -> None:
    target = tree.resolve()
    for folder in (target, *target.rglob("*")):
        if folder.is_dir() and not folder.is_symlink():
            folder.chmod(0o755)
    shutil.rmtree(target)


def wait_for_a_receipt(tree: Path) -> None:
    """By a FIFO, which nobody writes to."""
    lose_receipt(tree)
    (tree / ".rocmswitch").chmod(0o755)
    os.mkfifo(tree / ".rocmswitch/receipt.json")


RECEIPT_LOST = (garble_receipt, lose_receipt, write_later_receipt, wait_for_a_receipt)
EVERYTHING_LOST = (*RECEIPT_LOST, lose_both_lists, lose_tree)


@pytest.fixture
def damaged(line: CommandLine) -> CommandLine:
    """Two sets of acme-1.0, and an environment, both of them whole yet."""
    line.succeed("install", NAME, "--set", "compiler", "--yes")
    return line


def prefix(line: CommandLine) -> Path:
    return line.layout.prefixes / NAME


@pytest.mark.parametrize("damage", EVERYTHING_LOST)
def test_it_is_listed_as_damaged_with_the_others(
    damaged: CommandLine, site: AcmeSite, damage: Callable[[Path], None]
):
    site.let(damaged, "acme-1.1")
    damaged.succeed("install", "acme-1.1", "--yes")
    damage(prefix(damaged))

    lines = damaged.succeed("list").splitlines()
    found = json.loads(damaged.succeed("list", "--json"))

    assert lines[0] == f"{NAME}  damaged: its receipt cannot be read; run `rocmswitch repair {NAME}`"
    assert lines[1].startswith("acme-1.1  ROCm 1.0.0")
    assert [("damaged" in one, one["name"]) for one in found] == [(True, NAME), (False, "acme-1.1")]


@pytest.mark.parametrize("words", [("list",), ("venv", "list")], ids=" ".join)
def test_an_environment_of_it_is_listed_with_the_way_out(line: CommandLine, words: tuple[str, ...]):
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    garble_receipt(prefix(line))

    told = line.succeed(*words)
    found = json.loads(line.succeed(*words, "--json"))

    assert f"cannot be entered: the receipt of `{prefix(line)}` cannot be read" in " ".join(told.split())
    assert f"run `rocmswitch repair {NAME}`" in " ".join(told.split())
    assert [one["name"] for one in found if "lacks" in one] == ["demo"]


def test_a_shell_that_is_in_it_is_in_nothing_that_was_removed(line: CommandLine):
    line.succeed("install", NAME, "--yes")
    garble_receipt(prefix(line))

    found = json.loads(line.run("doctor", "--json", ROCMSWITCH_STACK=NAME).out)

    assert [one["id"] for one in found if one["severity"] != "note"] == [f"damaged:{NAME}"]


@pytest.mark.parametrize("damage", EVERYTHING_LOST)
def test_verify_counts_it_as_a_fault_and_looks_at_the_others(
    damaged: CommandLine, site: AcmeSite, damage: Callable[[Path], None]
):
    site.let(damaged, "acme-1.1")
    damaged.succeed("install", "acme-1.1", "--yes")
    damage(prefix(damaged))

    outcome = damaged.run("verify")

    assert outcome.code == 4
    assert f"{NAME}: `.rocmswitch/receipt.json`: unreadable\nacme-1.1: every file as installed" in outcome.out
    assert outcome.hint == f"run `rocmswitch repair {NAME}`"


@pytest.mark.parametrize("damage", RECEIPT_LOST)
def test_repair_tells_the_sets_by_the_files_and_makes_it_again(
    damaged: CommandLine, damage: Callable[[Path], None]
):
    damage(prefix(damaged))

    damaged.succeed("repair", NAME, "--yes")

    (found,) = json.loads(damaged.succeed("list", "--json"))
    assert found["sets"] == ["runtime", "compiler"]
    assert "every file as installed" in damaged.succeed("verify", NAME)
    assert len(list((damaged.layout.prefixes / ".trees").iterdir())) == 1


def test_repair_does_without_the_list_of_files_where_the_receipt_is_there(damaged: CommandLine):
    replace_content(prefix(damaged) / ".rocmswitch/files.json", b"[]")

    assert damaged.run("verify", NAME).code == 4
    damaged.succeed("repair", NAME, "--yes")

    assert "every file as installed" in damaged.succeed("verify", NAME)


@pytest.mark.parametrize("damage", [lose_both_lists, lose_tree])
def test_repair_says_how_to_start_over_where_nothing_tells_what_was_there(
    damaged: CommandLine, damage: Callable[[Path], None]
):
    damage(prefix(damaged))

    outcome = damaged.run("repair", NAME, "--yes")

    assert (outcome.code, outcome.hint) == (5, f"run `rocmswitch remove {NAME}`, then `rocmswitch install {NAME}`")
    damaged.succeed("remove", NAME, "--yes")
    damaged.succeed("install", NAME, "--yes")
    assert "every file as installed" in damaged.succeed("verify", NAME)


@pytest.mark.parametrize("damage", EVERYTHING_LOST)
def test_remove_needs_no_receipt(damaged: CommandLine, damage: Callable[[Path], None]):
    damage(prefix(damaged))

    damaged.succeed("remove", NAME, "--yes")

    assert damaged.succeed("list") == ""
    assert list((damaged.layout.prefixes / ".trees").iterdir()) == []
    assert list(damaged.layout.activations.iterdir()) == []


def test_a_damaged_environment_is_removed_and_made_again(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    garble_receipt(line.layout.venvs / "demo")

    assert "demo" in line.succeed("list")
    assert line.run("repair", "demo").hint == "run `rocmswitch remove demo`, then make it again"
    line.succeed("remove", "demo", "--yes")
    line.succeed("use", NAME, "--venv", "demo", "--yes")

    assert line.succeed("verify").count("every file as installed") == 2


@pytest.mark.parametrize("words", [("install", NAME), ("run", NAME, "--", "true"), ("env", NAME), ("use", NAME)])
def test_other_commands_name_the_repair(damaged: CommandLine, words: tuple[str, ...]):
    garble_receipt(prefix(damaged))

    outcome = damaged.run(*words)

    assert (outcome.code, outcome.hint) == (4, f"run `rocmswitch repair {NAME}`")


def test_a_lost_prefix_can_go_though_an_environment_uses_it_and_use_makes_it_again(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    lose_both_lists(line.layout.prefixes / NAME)

    line.succeed("remove", NAME, "--yes")
    line.succeed("use", NAME, "--venv", "demo", "--yes")

    assert line.succeed("verify").count("every file as installed") == 2


def make_receipt_a_folder(tree: Path) -> None:
    replace_content(tree / ".rocmswitch/receipt.json", None)
    (tree / ".rocmswitch").chmod(0o755)
    (tree / ".rocmswitch/receipt.json").mkdir()


@pytest.mark.parametrize("words", [("repair", NAME), ("remove", NAME, "--purge"), ("uninstall",)], ids=str)
def test_a_folder_in_the_place_of_a_receipt_is_in_nobody_s_way(damaged: CommandLine, words: tuple[str, ...]):
    make_receipt_a_folder(prefix(damaged))

    damaged.succeed(*words, "--yes")

    (found, *more) = damaged.run("list").out.splitlines() or [""]
    assert ("damaged" in found, more) == (False, [])


def test_folders_of_somebody_s_own_where_small_files_were_stay_and_stop_nothing(damaged: CommandLine):
    damaged.succeed("use", NAME, "--venv", "demo", "--yes")
    (checked := damaged.layout.checks / "demo.json").unlink(missing_ok=True)
    for one in (checked, damaged.layout.config_file):
        one.mkdir(parents=True)

    removed = damaged.run("remove", "demo", "--purge", "--yes")
    left = checked.is_dir()
    uninstalled = damaged.run("uninstall", "--yes")

    assert (removed.code, left, uninstalled.code, damaged.layout.config_file.is_dir()) == (0, True, 0, True), (
        removed
    )


def test_records_nested_without_end_are_as_good_as_none(damaged: CommandLine):
    damaged.succeed("use", NAME, "--venv", "demo", "--yes")
    records = (damaged.layout.shell / "aliases.json", damaged.layout.checks / "demo.json")
    for one in records:
        one.parent.mkdir(exist_ok=True)
        one.write_text("[" * 100_000)

    outcomes = [damaged.run("history"), damaged.run("doctor", "demo"), damaged.run("use", "demo")]

    assert [one.code for one in outcomes] == [0, 0, 0], outcomes
