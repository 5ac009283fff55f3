"""The hook in a real fish, typed into: which stack a folder has, and how one leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.shell import fish
from tests.support.fishstacks import ONE_CARD, FishStacks
from tests.support.shells import Terminal, account

SHOW = 'echo "$ROCMSWITCH_ACTIVE|$ROCMSWITCH_WHY"'


@pytest.fixture
def stacks(tmp_path: Path) -> FishStacks:
    """Two stacks and an environment, two projects; the home's path has a space and a quote."""
    home = tmp_path / "it's a home"
    home.mkdir()
    stacks = FishStacks(home)
    for name in ("rocm-6.2.4", "rocm-5.2.0"):
        stacks.add(name)
    stacks.alias("6.2", "rocm-6.2.4")
    stacks.add_environment("demo")
    stacks.project("new", "6.2\n")
    stacks.project("old", "rocm-5.2.0\r\ndemo\r\n")
    return stacks


@pytest.fixture
def terminal(stacks: FishStacks) -> Iterator[Terminal]:
    with Terminal.opened("fish", stacks.home, rc=stacks.hook) as terminal:
        yield terminal


def active(terminal: Terminal) -> str:
    return terminal.type(SHOW).strip()


def test_a_project_has_its_stack_also_in_folders_below_and_nothing_of_it_stays_outside(
    terminal: Terminal, stacks: FishStacks
):
    before = terminal.environment()
    pin = stacks.home / "new/.rocm-version"

    terminal.type("mkdir -p new/a/b; cd new/a/b")

    assert active(terminal) == f"rocm-6.2.4|pin:{pin}"
    assert terminal.type("echo $PATH[1]") == "/stacks/rocm-6.2.4/bin\n"
    terminal.type("cd ~")
    assert terminal.environment() == before


def test_a_pin_of_two_lines_enters_the_environment(terminal: Terminal):
    terminal.type("cd old")

    assert active(terminal).startswith("demo|pin:")
    assert terminal.type("echo $VIRTUAL_ENV") == "/venvs/demo\n"


def test_going_from_one_project_to_another_needs_no_prompt_between(terminal: Terminal):
    said = terminal.type(f"cd new; {SHOW}; cd ../old; {SHOW}; cd ..; {SHOW}")

    assert [line.partition("|")[0] for line in said.splitlines()] == ["rocm-6.2.4", "demo", ""]


def test_an_explicit_choice_stays_in_projects_until_it_is_ended(terminal: Terminal, stacks: FishStacks):
    terminal.type(fish.enter(str(stacks.script("rocm-5.2.0"))))
    terminal.type("cd new")
    chosen = active(terminal)

    terminal.type(fish.leave())

    assert chosen == "rocm-5.2.0|use"
    assert active(terminal).startswith("rocm-6.2.4|pin:")


def test_who_leaves_a_project_stays_out_until_another_one_governs(terminal: Terminal):
    shown = []
    for line in (f"cd new; {fish.leave()}", "cd ..", "cd new", "cd ../old", "cd ../new"):
        terminal.type(line)
        shown.append(active(terminal).partition("|")[0])

    assert shown == ["", "", "", "demo", "rocm-6.2.4"]


def test_no_stack_can_be_chosen_for_a_shell_and_for_a_project(terminal: Terminal, stacks: FishStacks):
    pin = stacks.project("bare", "system\n") / ".rocm-version"
    stacks.alias("default", "rocm-5.2.0")
    shown = []
    for line in ("true", "cd bare", "cd ../new", fish.no_stack(), "cd ../old", "rocmswitch_off"):
        terminal.type(line)
        shown.append(active(terminal).replace(str(stacks.home), "~"))

    assert shown[:2] == ["|", f"|pin:{pin}".replace(str(stacks.home), "~")]
    assert shown[2:5] == ["rocm-6.2.4|pin:~/new/.rocm-version", "|use", "|use"]
    assert shown[5] == "demo|pin:~/old/.rocm-version"


@pytest.mark.parametrize("options", [(), ("--features", "qmark-noglob")], ids=["usual", "qmark-noglob"])
def test_new_shells_enter_the_default_and_projects_go_before_it(stacks: FishStacks, options: tuple[str, ...]):
    """Since fish 4.0 a question mark is no wildcard; older ones may be asked to see it so, too."""
    stacks.alias("default", "rocm-5.2.0")

    with Terminal.opened("fish", stacks.home, rc=stacks.hook, options=options) as terminal:
        shown = [active(terminal)]
        for line in ("cd new", "cd ..", "rocmswitch_off", "cd new"):
            terminal.type(line)
            shown.append(active(terminal).partition(":")[0])

    assert shown == ["rocm-5.2.0|default", "rocm-6.2.4|pin", "rocm-5.2.0|default", "|", "rocm-6.2.4|pin"]


def test_the_variable_goes_before_everything_and_gives_the_choice_back(terminal: Terminal, stacks: FishStacks):
    terminal.type(fish.enter(str(stacks.script("rocm-5.2.0"))))
    shown = []
    for line in ("set -gx ROCMSWITCH_STACK 6.2", "cd old", "set -e ROCMSWITCH_STACK"):
        terminal.type(line)
        shown.append(active(terminal))

    assert shown == ["rocm-6.2.4|stack", "rocm-6.2.4|stack", "rocm-5.2.0|use"]


def test_what_is_not_installed_is_said_once_with_the_command_that_installs_it(
    terminal: Terminal, stacks: FishStacks
):
    stacks.project("far", "7.0\n")
    stacks.project("farther", "7.0\nmine\n")

    first, again = terminal.type("cd far"), terminal.type("cd ..; cd far")

    assert first.count("is not installed; run: rocmswitch use 7.0\n") == 1
    assert (again, active(terminal)) == ("", "|")
    assert "asks for mine, which is not installed; run: rocmswitch use 7.0 --venv mine" in terminal.type(
        "cd ../farther"
    )


def test_a_shell_inside_takes_over_what_is_entered_and_leaves_exactly(terminal: Terminal, stacks: FishStacks):
    before = terminal.environment()
    terminal.type(fish.enter(str(stacks.script("demo"))))
    inner = [
        line.split("|")
        for line in terminal.type(f"fish -i -c '{SHOW}; type -t deactivate; deactivate; {SHOW}'").splitlines()
    ]

    terminal.type("deactivate")

    assert inner == [["demo", "use"], ["function"], ["", ""]]
    assert terminal.environment() == before
    assert terminal.type("functions -q deactivate; or echo gone") == "gone\n"


def test_an_exit_status_survives_the_prompt_and_the_folder(terminal: Terminal):
    assert terminal.type("cd new; false") == ""
    assert terminal.type("echo $status") == "1\n"


def test_modules_that_are_loaded_are_left_alone(terminal: Terminal):
    terminal.type("set -gx ROCMSWITCH_ACTIVE mod; set -gx ROCMSWITCH_WHY module")

    terminal.type("cd new")

    assert active(terminal) == "mod|module"


def test_another_environments_deactivate_is_back_afterwards(terminal: Terminal, stacks: FishStacks):
    terminal.type("function deactivate; echo theirs; end; set -gx VIRTUAL_ENV /theirs")
    terminal.type(fish.enter(str(stacks.script("demo"))))

    assert terminal.type("deactivate; echo $VIRTUAL_ENV; deactivate") == "/theirs\ntheirs\n"


def test_use_evaluates_what_the_program_writes_and_shows_the_rest(stacks: FishStacks):
    program = stacks.home / "bin/rocmswitch"
    program.parent.mkdir()
    line = fish.enter(str(stacks.script("rocm-5.2.0")), gpu="gfx1010")
    program.write_text(
        f'#!/bin/sh\n[ "$1" = use ] || {{ echo "plain $*"; exit 3; }}\n'
        f'echo "out $*, {{$ROCMSWITCH_HOOK}}"; echo err >&2\ncat >&"$ROCMSWITCH_HOOK_FD" <<\'END\'\n{line}\nEND\n'
    )
    program.chmod(0o755)
    environment = {"TERM": "dumb", **account(stacks.home, PATH=f"{program.parent}:/usr/bin:/bin")}

    with Terminal.opened("fish", stacks.home, rc=stacks.hook, environment=environment) as terminal:
        said = terminal.type("rocmswitch use 5.2; echo $status")
        shown = active(terminal)
        redirected = terminal.type("rocmswitch use 5.2 >out; rocmswitch list; echo $status; cat out")

    assert said == "out use 5.2, {fish}\nerr\n0\n"
    assert shown == "rocm-5.2.0|use"
    assert redirected == "err\nplain list\n3\nout use 5.2, {fish}\n"


def test_only_current_and_which_are_told_which_pin_the_shell_has_left(stacks: FishStacks):
    program = stacks.home / "bin/rocmswitch"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$1 ${ROCMSWITCH_LEFT-none}"\n')
    program.chmod(0o755)
    environment = {"TERM": "dumb", **account(stacks.home, PATH=f"{program.parent}:/usr/bin:/bin")}

    with Terminal.opened("fish", stacks.home, rc=stacks.hook, environment=environment) as terminal:
        terminal.type("cd new")
        terminal.type("rocmswitch_off")
        said = terminal.type(
            "rocmswitch current; rocmswitch which x; rocmswitch run; set -q ROCMSWITCH_LEFT; or echo no"
        )
        terminal.type("cd ../old")
        elsewhere = terminal.type("rocmswitch current")

    left = f"pin:{stacks.home}/new/.rocm-version"
    assert said == f"current {left}\nwhich {left}\nrun none\nno\n"
    assert elsewhere == "current \n"


def test_nothing_but_builtins_is_needed_to_enter_and_to_leave(terminal: Terminal, stacks: FishStacks):
    """Where no program can be found, one that was called would be missed aloud."""
    stacks.add("card", ONE_CARD)
    terminal.type("set -gx PATH /nowhere; set -gx LD_LIBRARY_PATH /opt/rocm/lib /mine")

    said = [
        terminal.type(line) for line in ("cd new", "cd ../old", "cd ..", fish.enter(str(stacks.script("card"))))
    ]
    said.append(terminal.type("rocmswitch_off"))

    assert said == [""] * 5
    assert terminal.type("cd new; echo $PATH $LD_LIBRARY_PATH") == "/stacks/rocm-6.2.4/bin /nowhere /mine\n"
