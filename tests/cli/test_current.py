"""What `current` says of a shell: which stack, by what, and what speaks against it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine, Outcome
from tests.support.furnished import environment, prefix

STACK, OLD = "rocm-6.2.4", "rocm-5.2.0"


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """With two stacks, and an environment of each."""
    line = CommandLine(tmp_path)
    for name in (STACK, OLD):
        prefix(line.layout, name)
    environment(line.layout, "proj", STACK)
    environment(line.layout, "old", OLD)
    line.home.mkdir(exist_ok=True)
    return line


def pin(line: CommandLine, content: str) -> Path:
    file = line.home / ".rocm-version"
    file.write_text(content)
    return file


def current(line: CommandLine, **variables: str) -> Outcome:
    return line.tell(line.run("current", **variables))


def warnings(line: CommandLine, **variables: str) -> list[str]:
    found: list[str] = json.loads(current_json(line, **variables))["warnings"]
    return found


def current_json(line: CommandLine, **variables: str) -> str:
    return line.tell(line.run("current", "--json", **variables)).out


def inside(line: CommandLine, name: str, folder: str = "prefixes", **more: str) -> dict[str, str]:
    """What a shell has that has entered *name*."""
    tools = line.layout.data / folder / name / ("bin" if folder == "venvs" else "opt/rocm/bin")
    return {"ROCMSWITCH_ACTIVE": name, "PATH": f"{tools}:/usr/bin:/bin", **more}


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ("use", "`use` in this shell"),
        ("", "`use` in this shell"),
        ("default", "the default of new shells"),
        ("pin:/p/.rocm-version", "pinned by /p/.rocm-version"),
        ("stack", "ROCMSWITCH_STACK says so"),
        ("module", "a modulefile was loaded"),
    ],
)
def test_what_the_shell_has_entered_is_told_with_its_reason(line: CommandLine, why: str, told: str):
    outcome = current(line, **inside(line, STACK, ROCMSWITCH_WHY=why))

    assert (outcome.code, outcome.out) == (0, f"{STACK}  ({told}, ROOT/data/prefixes/{STACK})\n")
    assert outcome.err == ""


@pytest.mark.parametrize("asked", ["6.2", "6.2.4", "6", STACK])
def test_a_pin_that_nothing_has_entered_is_told_with_what_to_type(line: CommandLine, asked: str):
    pin(line, f"{asked}\r\n")

    outcome = current(line, SHELL="/usr/bin/zsh")

    assert outcome.out == f"{STACK}  (pinned by HOME/.rocm-version, ROOT/data/prefixes/{STACK})\n"
    assert outcome.err == (
        f"warning: `{STACK}` is not entered in this shell: run `rocmswitch use {STACK}`, "
        'or load the hook where it is not: `eval "$(rocmswitch init zsh)"`\n'
    )


def test_the_environment_of_a_pin_is_what_is_active(line: CommandLine):
    pin(line, "6.2\nproj\n")

    found = json.loads(current_json(line))

    assert (found["name"], found["reason"], found["entered"]) == ("proj", "pin:HOME/.rocm-version", False)


@pytest.mark.parametrize(
    "content", ["../evil\n", "/abs\n", "$(touch x)\n", "a" * 65, "\x1b[2J\n", "", "6.2\n../x\n"]
)
def test_what_is_no_pin_is_ignored_and_never_shown(line: CommandLine, content: str):
    pin(line, content)

    outcome = current(line)

    assert outcome.out == "none\n"
    assert "warning: ignored: HOME/.rocm-version is not a valid pin\n" in outcome.err
    assert "\x1b" not in outcome.err and "evil" not in outcome.err


def test_a_pin_that_the_shell_has_left_is_not_told_as_active(line: CommandLine):
    file = pin(line, "6.2\n")

    outcome = current(line, ROCMSWITCH_LEFT=f"pin:{file}")

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "none  (left by `use --off`: pinned by HOME/.rocm-version)\n"
    assert current_json(line, ROCMSWITCH_LEFT=f"pin:{file}") == "null\n"
    asked = line.run("which", "hipcc", ROCMSWITCH_LEFT=f"pin:{file}")
    assert (asked.code, asked.error) == (3, "no stack is active here")


def test_that_another_pin_was_left_says_nothing_of_this_one(line: CommandLine):
    pin(line, "6.2\n")

    assert current(line, ROCMSWITCH_LEFT="pin:/elsewhere/.rocm-version").out.startswith(f"{STACK}  (pinned by")


def test_what_was_entered_after_a_pin_was_left_is_active(line: CommandLine):
    file = pin(line, "6.2\n")

    outcome = current(line, **inside(line, OLD, ROCMSWITCH_WHY="use", ROCMSWITCH_LEFT=f"pin:{file}"))

    assert outcome.out.startswith(f"{OLD}  (`use` in this shell")


def test_a_pin_of_what_is_not_installed_names_the_command(line: CommandLine):
    pin(line, "7.0\n")

    outcome = current(line)

    assert (outcome.code, outcome.out) == (0, "none\n")
    assert (
        "warning: HOME/.rocm-version asks for `7.0`, which is not installed; run `rocmswitch use 7.0`\n"
        in outcome.err
    )


def test_a_pin_of_an_environment_that_is_not_there_names_its_stack_too(line: CommandLine):
    pin(line, "7.0\nmine\n")

    told = current(line).err

    assert "asks for `mine`, which is not installed; run `rocmswitch use 7.0 --venv mine`\n" in told


def test_the_default_counts_where_nothing_else_does(line: CommandLine):
    line.layout.activations.mkdir()
    (line.layout.activations / "default.sh").symlink_to(f"{OLD}.sh")

    assert current(line).out == f"{OLD}  (the default of new shells, ROOT/data/prefixes/{OLD})\n"


@pytest.mark.parametrize("variables", [{"ROCMSWITCH_STACK": "system"}, {"ROCMSWITCH_WHY": "use"}])
def test_no_stack_can_be_what_somebody_asked_for(line: CommandLine, variables: dict[str, str]):
    pin(line, "6.2\n")

    outcome = current(line, **variables)

    assert outcome.out.startswith("none  (") and outcome.err == ""


def test_a_variable_that_names_no_stack_is_ignored_and_never_shown(line: CommandLine):
    outcome = current(line, ROCMSWITCH_STACK="$(touch x)")

    assert outcome.out == "none\n"
    assert "warning: ignored: ROCMSWITCH_STACK is not the name of a stack\n" in outcome.err


def test_a_pin_of_no_stack_is_followed(line: CommandLine):
    pin(line, "system\n")

    assert current(line).out == "none  (pinned by HOME/.rocm-version)\n"


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"ROCMSWITCH_WHY": "use"}, "`use` in this shell came before it, `rocmswitch use --off` lets it decide"),
        (
            {"ROCMSWITCH_STACK": "6.2"},
            "ROCMSWITCH_STACK comes before it, `unset ROCMSWITCH_STACK` lets it decide",
        ),
        ({"ROCMSWITCH_WHY": "pin:/p/.rocm-version"}, "/p/.rocm-version was the nearest when this shell looked"),
    ],
)
def test_a_pin_that_lost_is_told_with_what_won(line: CommandLine, variables: dict[str, str], why: str):
    pin(line, "5.2\n")

    assert warnings(line, **inside(line, STACK, **variables)) == [f"HOME/.rocm-version asks for `5.2`: {why}"]


def test_an_environment_of_the_pinned_stack_is_what_the_pin_asks_for(line: CommandLine):
    pin(line, "6.2\n")
    venv = str(line.layout.venvs / "proj")

    assert warnings(line, **inside(line, "proj", "venvs", VIRTUAL_ENV=venv)) == []


def test_a_pin_whose_environment_is_of_another_stack_is_pointed_out(line: CommandLine):
    pin(line, "6.2\nold\n")

    (told,) = warnings(line, **inside(line, "old", "venvs", ROCMSWITCH_WHY=f"pin:{line.home}/.rocm-version"))

    assert told == f"HOME/.rocm-version asks for `6.2`, but its environment `old` is of `{OLD}`"


def test_libraries_of_another_rocm_are_pointed_out(line: CommandLine):
    variables = inside(line, STACK, LD_LIBRARY_PATH="/mine:/opt/rocm/lib", LD_PRELOAD="libMIOpen.so.1")

    end = f"of another ROCm, which programs load first; run `rocmswitch use {STACK}`"
    assert warnings(line, **variables) == [
        f"LD_LIBRARY_PATH has `/opt/rocm/lib` {end}",
        f"LD_PRELOAD has `libMIOpen.so.1` {end}",
    ]


def test_an_active_environment_whose_stack_is_gone_is_told_with_the_way_out(line: CommandLine):
    (line.layout.prefixes / OLD).unlink()

    (told,) = warnings(line, **inside(line, "old", "venvs"))

    assert told == f"`old` needs `{OLD}`, which is not installed; run `rocmswitch install {OLD}`"


def test_another_environment_than_the_active_one_is_pointed_out(line: CommandLine):
    (told,) = warnings(line, **inside(line, "proj", "venvs", VIRTUAL_ENV="/somewhere/else"))

    assert told == "VIRTUAL_ENV is `/somewhere/else`, another environment; run `rocmswitch use proj`"


def test_an_environment_of_another_stack_than_the_active_prefix_is_pointed_out(line: CommandLine):
    variables = inside(line, STACK)

    assert warnings(line, **variables, VIRTUAL_ENV=str(line.layout.venvs / "proj")) == []
    assert warnings(line, **variables, VIRTUAL_ENV=str(line.layout.venvs / "old")) == [
        f"VIRTUAL_ENV is `ROOT/data/venvs/old`, an environment of `{OLD}`"
    ]


def test_a_tool_of_another_stack_that_is_found_first_is_pointed_out(line: CommandLine):
    other = line.layout.prefixes / OLD / "opt/rocm/bin"
    variables = inside(line, STACK)

    outcome = current(line, **{**variables, "PATH": f"{other}:{variables['PATH']}"})

    assert outcome.err == (
        f"warning: `ROOT/data/prefixes/{STACK}/opt/rocm/bin/hipcc` is hidden by "
        f"`ROOT/data/prefixes/{OLD}/opt/rocm/bin/hipcc`\n"
    )


@pytest.mark.parametrize("words", [("current",), ("current", "--json"), ("which", "hipcc")])
def test_what_was_removed_while_it_was_active_is_told_with_the_way_out(line: CommandLine, words: tuple[str, ...]):
    outcome = line.run(*words, ROCMSWITCH_ACTIVE="rocm-4.5.2")

    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.error == "`rocm-4.5.2` is active in this shell, but it was removed"
    assert outcome.hint == "run `rocmswitch use --off`"


def test_a_tool_is_looked_for_in_the_pinned_stack(line: CommandLine):
    pin(line, "5.2\n")

    assert line.tell(line.run("which", "hipcc")).out == f"ROOT/data/prefixes/{OLD}/opt/rocm/bin/hipcc\n"


def test_a_folder_that_is_gone_has_no_pin(line: CommandLine):
    found = current(line, PWD="/no/such/folder")

    assert (found.code, found.out) == (0, "none\n")
