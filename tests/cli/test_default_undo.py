"""What new shells enter by default is a recorded change: `undo` brings the one before back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.furnished import prefix


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path)
    for name in ("rocm-6.1.0", "rocm-6.2.4"):
        prefix(line.layout, name)
    return line


def choose(line: CommandLine, name: str) -> None:
    line.succeed("use", name, "--default", "--shell", "sh")


def default(line: CommandLine) -> dict[str, str]:
    return {path.name: str(path.readlink()) for path in line.layout.activations.glob("default.*")}


def meaning(name: str) -> dict[str, str]:
    return {f"default.{kind}": f"{name}.{kind}" for kind in ("sh", "fish")} if name else {}


def test_each_undo_brings_back_the_default_before(line: CommandLine):
    choose(line, "rocm-6.1.0")
    choose(line, "rocm-6.2.4")
    choose(line, "system")
    found = [default(line)]
    for _ in range(3):
        line.succeed("undo", "--yes")
        found.append(default(line))

    assert found == [meaning(""), meaning("rocm-6.2.4"), meaning("rocm-6.1.0"), meaning("")]
    assert line.run("undo", "--yes").code == 3


def test_who_chooses_one_is_told_the_way_back(line: CommandLine):
    chosen = line.run("use", "rocm-6.1.0", "--default", "--shell", "sh")
    again = line.run("use", "rocm-6.1.0", "--default", "--shell", "sh")
    none = line.run("use", "system", "--default", "--shell", "sh")

    assert "new shells use rocm-6.1.0; back: `rocmswitch undo 1`\n" in chosen.err
    assert "new shells use rocm-6.1.0\n" in again.err
    assert "new shells start without a stack; back: `rocmswitch undo 2`\n" in none.err


def test_what_is_the_default_already_is_no_change(line: CommandLine):
    choose(line, "system")
    assert not line.layout.backups.exists()
    choose(line, "rocm-6.1.0")
    choose(line, "rocm-6.1.0")

    (one,) = json.loads(line.succeed("history", "--json"))

    assert one["intent"]["verb"] == "default"


def test_a_default_that_was_chosen_since_is_not_overwritten(line: CommandLine):
    choose(line, "rocm-6.1.0")
    (line.layout.activations / "default.sh").unlink()
    (line.layout.activations / "default.sh").symlink_to("rocm-6.2.4.sh")

    undone = line.run("undo", "--yes")

    assert undone.code == 5, undone
    assert default(line) == {"default.sh": "rocm-6.2.4.sh", "default.fish": "rocm-6.1.0.fish"}


def test_an_undone_removal_does_not_take_the_default_that_was_chosen_since(line: CommandLine):
    choose(line, "rocm-6.1.0")
    line.succeed("remove", "rocm-6.1.0", "--yes")
    choose(line, "rocm-6.2.4")

    refused = line.run("undo", "2", "--yes")

    assert refused.code == 5, refused
    assert default(line) == meaning("rocm-6.2.4")
    line.succeed("undo", "--yes")
    line.succeed("undo", "--yes")
    assert default(line) == meaning("rocm-6.1.0")


def test_a_default_comes_back_though_the_removal_of_the_one_after_it_was_let_go(line: CommandLine):
    choose(line, "rocm-6.1.0")
    choose(line, "rocm-6.2.4")
    line.succeed("remove", "rocm-6.2.4", "--yes")
    line.succeed("backup", "prune", "--yes")

    undone = line.run("undo", "--yes")

    assert undone.code == 0, undone
    assert default(line) == meaning("rocm-6.1.0")


def test_new_shells_are_not_made_to_enter_what_was_removed_meanwhile(line: CommandLine):
    choose(line, "rocm-6.1.0")
    choose(line, "rocm-6.2.4")
    line.succeed("remove", "rocm-6.1.0", "--yes")

    refused = line.run("undo", "2", "--yes")
    between = default(line)
    line.succeed("undo", "3", "--yes")
    line.succeed("undo", "2", "--yes")

    assert (refused.code, refused.hint) == (5, "run `rocmswitch undo 3` first"), refused
    assert (between, default(line)) == (meaning("rocm-6.2.4"), meaning("rocm-6.1.0"))


def test_what_is_gone_for_good_cannot_be_the_default_again(line: CommandLine):
    choose(line, "rocm-6.1.0")
    choose(line, "rocm-6.2.4")
    line.succeed("remove", "rocm-6.1.0", "--purge", "--yes")

    refused = line.run("undo", "2", "--yes")

    assert (refused.code, refused.hint) == (5, "run `rocmswitch list` for what new shells can enter"), refused
    assert refused.error == "`rocm-6.1.0`, which new shells would enter again, is not there any more"
    assert default(line) == meaning("rocm-6.2.4")


def test_a_script_of_somebody_elses_in_its_place_comes_back_too(line: CommandLine):
    choose(line, "rocm-6.1.0")
    line.succeed("undo", "--yes")
    own = line.layout.activations / "default.sh"
    own.write_text("# my own\n")

    choose(line, "rocm-6.2.4")
    line.succeed("undo", "--yes")

    assert own.read_text() == "# my own\n"
