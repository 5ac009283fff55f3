"""`list`, `venv list`, `venv remove` and `remove`: what is there, what uses it, and taking it away."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.furnished import environment, prefix


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """With two stacks, an environment bound to one, and one with a ROCm of its own."""
    line = CommandLine(tmp_path)
    for name in ("rocm-6.10.0", "rocm-6.2.4", "debian-5.2.3"):
        prefix(line.layout, name)
    environment(line.layout, "bound", "rocm-6.2.4")
    environment(line.layout, "bundled", "rocm-6.10.0", bound=False)
    environment(line.layout, "another", "debian-5.2.3")
    line.home.mkdir(exist_ok=True)
    return line


def names(text: str) -> list[str]:
    return [row.split()[0] for row in text.splitlines() if not row.startswith(" ")]


def lose(line: CommandLine, name: str) -> None:
    (line.layout.prefixes / name).unlink()


def test_stacks_come_by_version_the_newest_last_and_environments_by_their_stacks(line: CommandLine):
    assert names(line.succeed("list")) == [
        *("debian-5.2.3", "rocm-6.2.4", "rocm-6.10.0"),
        *("another", "bound", "bundled"),
    ]
    assert names(line.succeed("venv", "list")) == ["another", "bound", "bundled"]


def test_a_line_says_what_an_environment_holds_and_what_uses_a_stack(line: CommandLine):
    found = dict(row.split(None, 1) for row in line.succeed("list", ROCMSWITCH_ACTIVE="bound").splitlines())

    assert found["bound"].startswith("environment of rocm-6.2.4 · Python 3.11.4 · torch 2.7.1+rocm6.2.4 · ")
    assert found["bound"].endswith(" · active")
    assert found["rocm-6.2.4"].endswith(" · used by bound")
    assert "used by" not in found["rocm-6.10.0"]


def test_programs_are_told_the_same(line: CommandLine):
    lose(line, "rocm-6.2.4")

    (found,) = (one for one in json.loads(line.succeed("venv", "list", "--json")) if one["name"] == "bound")

    assert found["size"] > 0 and found["path"] == str(line.layout.venvs / "bound")
    del found["size"], found["path"]
    assert found == {
        "name": "bound",
        "kind": "venv",
        "stack": "rocm-6.2.4",
        "version": "6.2.4",
        "sets": [],
        "scope": "user",
        "python": "3.11.4",
        "torch": "2.7.1+rocm6.2.4",
        "prefix": "rocm-6.2.4",
        "lacks": "`bound` needs `rocm-6.2.4`, which is not installed",
    }


def test_an_environment_whose_stack_is_gone_is_told_with_the_way_out(line: CommandLine):
    lose(line, "rocm-6.2.4")

    told = " ".join(line.succeed("venv", "list").split())

    assert (
        "cannot be entered: `bound` needs `rocm-6.2.4`, which is not installed; "
        "run `rocmswitch install rocm-6.2.4`" in told
    )


def test_where_there_is_no_environment_it_is_said_how_one_is_made(tmp_path: Path):
    line = CommandLine(tmp_path)

    outcome = line.run("venv", "list")

    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == "there is no environment yet; `rocmswitch use STACK --venv NAME` makes one\n"
    assert line.succeed("venv", "list", "--json") == "[]\n"


def test_an_environment_is_removed_by_name_and_nothing_else(line: CommandLine):
    outcome = line.run("venv", "remove", "bound", "--yes")

    assert outcome.code == 0, outcome
    assert outcome.err.splitlines()[-2:] == ["removed bound, recorded as generation 1", "back: `rocmswitch undo 1`"]
    assert names(line.succeed("venv", "list")) == ["another", "bundled"]
    assert line.run("remove", "rocm-6.2.4", "--yes").code == 0


def test_a_stack_is_no_environment(line: CommandLine):
    outcome = line.run("venv", "remove", "rocm-6.2.4", "--yes")

    assert (outcome.code, outcome.error) == (3, "`rocm-6.2.4` is no environment")
    assert outcome.hint == "run `rocmswitch remove rocm-6.2.4`"


@pytest.mark.parametrize("words", [("remove",), ("venv", "remove")])
@pytest.mark.parametrize("path", ["./my project/.venv", ".venv"])
def test_an_environment_is_removed_by_the_link_that_a_project_has_and_the_link_too(
    line: CommandLine, words: tuple[str, ...], path: str
):
    link = line.home / path
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(line.layout.venvs / "bound")

    dry = line.tell(line.run(*words, path, "--dry-run"))
    outcome = line.run(*words, path, "--yes")

    assert f"removes HOME/{path.removeprefix('./')}, which leads to it\n" in dry.err
    assert outcome.code == 0, outcome
    assert not link.is_symlink() and not (line.layout.venvs / "bound").is_symlink()


def test_a_link_to_what_was_removed_by_name_is_told(line: CommandLine):
    (line.home / ".venv").symlink_to(line.layout.venvs / "bound")
    line.succeed("venv", "remove", "bound", "--yes")

    outcome = line.run("run", ".venv", "--", "python")

    assert (outcome.code, outcome.error) == (3, "`.venv` leads to an environment that was removed")


def test_a_link_that_leads_elsewhere_is_left_alone(line: CommandLine, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (line.home / ".venv").symlink_to(elsewhere)

    outcome = line.run("venv", "remove", ".venv", "--yes")

    assert outcome.code == 3
    assert (line.home / ".venv").is_symlink() and elsewhere.is_dir()


def test_a_damaged_environment_is_removed_by_its_link_too(line: CommandLine):
    (line.home / ".venv").symlink_to(line.layout.venvs / "bound")
    receipt = line.layout.venvs / "bound/.rocmswitch/receipt.json"
    receipt.parent.chmod(0o755)
    receipt.unlink()

    outcome = line.run("venv", "remove", ".venv", "--yes")

    assert outcome.code == 0, outcome
    assert not (line.home / ".venv").is_symlink() and not (line.layout.venvs / "bound").is_symlink()


def test_a_stack_that_an_environment_is_bound_to_stays(line: CommandLine):
    outcome = line.run("remove", "rocm-6.2.4", "--yes")

    assert outcome.code == 5 and "still used by the environment bound\n" in outcome.err


def test_a_stack_whose_wheels_bring_their_rocm_may_go_while_its_environment_stays(line: CommandLine):
    assert line.run("remove", "rocm-6.10.0", "--yes").code == 0
    assert line.run("run", "bundled", "--", "python").out == "python of an environment\n"


def test_what_is_active_can_be_removed_and_it_is_said_how_to_leave(line: CommandLine):
    outcome = line.run("remove", "bound", "--yes", ROCMSWITCH_ACTIVE="bound")

    assert outcome.err.splitlines()[-2:] == [
        "back: `rocmswitch undo 1`",
        "it is still entered in this shell: `rocmswitch use --off` leaves it",
    ]


def test_the_default_of_new_shells_is_told_before_it_goes(line: CommandLine):
    line.layout.activations.mkdir(mode=0o700, exist_ok=True)
    (line.layout.activations / "default.sh").symlink_to("bound.sh")

    outcome = line.run("remove", "bound", "--dry-run")

    assert "new shells enter it by default, and will enter nothing then\n" in outcome.err


@pytest.fixture
def program(line: CommandLine) -> Iterator[subprocess.Popen[bytes]]:
    """One that stands in the environment's folder until it is told to end."""
    with subprocess.Popen(["cat"], cwd=line.layout.venvs / "bound", stdin=subprocess.PIPE) as program:
        yield program
        program.communicate()


def test_programs_that_still_run_from_it_are_named_and_keep_it(line: CommandLine, program: subprocess.Popen[bytes]):
    outcome = line.run("remove", "bound", "--purge", "--yes")

    assert f"a program runs from it: cat ({program.pid})\n" in outcome.err
    assert "programs still run from bound-" in outcome.err
    assert "bound" not in names(line.succeed("list"))
