"""What a project folder may say to fish: a name, and nothing that runs, hangs or reaches the screen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.shell.fish import quote
from tests.support.fishstacks import FishStacks
from tests.support.shells import Terminal

HOSTILE = {
    "parent": b"../../evil\n",
    "two dots": b"6..2\n",
    "absolute": b"/etc/evil\n",
    "substitution": b"$(touch pwned)\n",
    "fish substitution": b"(touch pwned)\n",
    "backticks": b"`touch pwned`\n",
    "semicolon": b"6.2; touch pwned\n",
    "blank": b"6.2 demo\n",
    "newline first": b"\n6.2\n",
    "empty": b"",
    "escape": b"\x1b]0;pwned\x07\n",
    "option": b"-6.2\n",
    "NUL": b"6.2\0\n",
    "65 bytes": b"6" * 65 + b"\n",
    "bad second line": b"6.2\n../demo\n",
    "a million": b"6.2\n" + b"x" * 1_000_000,
    "star": b"*\n",
}


@pytest.fixture
def stacks(tmp_path: Path) -> FishStacks:
    stacks = FishStacks(tmp_path)
    stacks.add("rocm-6.2.4")
    stacks.alias("6.2", "rocm-6.2.4")
    return stacks


def visit(stacks: FishStacks, *lines: str) -> list[str]:
    with Terminal.opened("fish", stacks.home, rc=stacks.hook) as terminal:
        return [terminal.type(line) for line in (*lines, "echo $ROCMSWITCH_ACTIVE")]


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_name_is_ignored_without_being_shown(stacks: FishStacks, content: bytes):
    pin = stacks.project("project", content) / ".rocm-version"

    said, active = visit(stacks, "cd project")

    assert (said, active) == (f"rocmswitch: ignored: {pin} is not a valid pin\n", "\n")
    assert not list(stacks.home.rglob("pwned"))


@pytest.mark.parametrize("kind", ["fifo", "zero", "folder", "dangling"])
def test_what_is_no_file_is_passed_over_and_the_one_above_counts(stacks: FishStacks, kind: str):
    below = stacks.project("project", "6.2") / "below"
    below.mkdir()
    pin = below / ".rocm-version"
    if kind == "fifo":
        os.mkfifo(pin)
    elif kind == "folder":
        pin.mkdir()
    else:
        pin.symlink_to("/dev/zero" if kind == "zero" else "nowhere")

    assert visit(stacks, "cd project/below") == ["", "rocm-6.2.4\n"]


@pytest.mark.parametrize("name", ["a b", "it's", '"x"', "$HOME", "*", "-x", "a:b", "é", "back\\slash", "(x)", "~"])
def test_a_project_may_be_called_anything(stacks: FishStacks, name: str):
    stacks.project(name, "6.2")

    assert visit(stacks, f"cd ./{quote(name)}") == ["", "rocm-6.2.4\n"]


def test_a_path_with_a_newline_or_an_escape_harms_nothing(stacks: FishStacks):
    stacks.project("line\nend", "6.2")
    stacks.project("esc\x1b[31m", "6.9")

    said = visit(stacks, "cd line\\nend", "echo $ROCMSWITCH_ACTIVE", "cd ~; cd esc*")

    assert said[1] == "rocm-6.2.4\n"
    assert "esc?[31m/.rocm-version asks for 6.9, which is not installed" in said[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_script_that_belongs_to_another_user_is_not_sourced(stacks: FishStacks):
    os.chown(stacks.script("rocm-6.2.4"), 54_321, 54_321)
    stacks.project("project", "6.2")

    said, active = visit(stacks, "cd project")

    assert f"rocmswitch: ignored: {stacks.script('6.2')} does not belong to you\n" in said
    assert active == "\n"


def test_a_name_cannot_reach_a_script_outside_the_folder(stacks: FishStacks):
    (stacks.layout.data / "evil.fish").write_text("touch pwned\n")
    stacks.project("project", "../evil")

    _, active = visit(stacks, "cd project; set -gx ROCMSWITCH_STACK ../evil", "cd ~")[-2:]

    assert active == "\n" and not list(stacks.home.rglob("pwned"))
