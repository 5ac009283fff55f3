"""The shell's `rocmswitch` function: what a program tells it on a descriptor of its own, and what stays alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.model.activation import CardVariable, ResolvedActivation
from rocmswitch.shell import posix
from tests.support.posixstacks import HOOKED, SHOW, PosixStacks
from tests.support.shells import Terminal

PROGRAM = """#!/bin/sh
# Stands for the program: tells what it got, and writes to the hook what the file `answer` says.
[ -t 0 ] && in=terminal || in=other
[ -t 1 ] && out=terminal || out=other
[ -t 2 ] && err=terminal || err=other
echo "got $# [$*] $in $out $err ${ROCMSWITCH_HOOK-none}"
case " $* " in *left*) echo "left ${ROCMSWITCH_LEFT-none}" ;; esac
case " $* " in *" ask "*) printf 'sure? '; read -r said; echo "said $said" ;; esac
[ -z "${ROCMSWITCH_HOOK_FD-}" ] || cat "$HOME/answer" >&"$ROCMSWITCH_HOOK_FD"
exit "$(cat "$HOME/code")"
"""


@pytest.fixture
def stacks(tmp_path: Path) -> PosixStacks:
    stacks = PosixStacks.furnished(tmp_path / "person")
    program = stacks.home / "bin/rocmswitch"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    answer(stacks, "")
    return stacks


@pytest.fixture(params=HOOKED)
def terminal(request: pytest.FixtureRequest, stacks: PosixStacks) -> Iterator[Terminal]:
    rc = f'PATH="$HOME/bin:$PATH"\n{stacks.quiet_hook(request.param)}'
    with Terminal.opened(request.param, stacks.home, rc=rc) as terminal:
        yield terminal


def answer(stacks: PosixStacks, text: str, code: int = 0) -> None:
    (stacks.home / "answer").write_text(text)
    (stacks.home / "code").write_text(f"{code}\n")


def test_what_use_answers_is_evaluated_and_the_terminal_stays_the_programs(terminal: Terminal, stacks: PosixStacks):
    answer(stacks, stacks.entering("rocm-5.2.0"))

    said = terminal.type("rocmswitch use 'a b' --venv x")

    assert said == f"got 4 [use a b --venv x] terminal terminal terminal {terminal.shell}\n"
    assert terminal.type(SHOW) == "rocm-5.2.0|use\n"


def test_the_program_may_ask(terminal: Terminal, stacks: PosixStacks):
    answer(stacks, stacks.entering("rocm-5.2.0"))

    said = terminal.type("rocmswitch use ask\nyes")

    assert said.endswith("sure? said yes\n")


@pytest.mark.parametrize("words", ["list", "--debug list", "", "--help", "install use", "run x -- use"])
def test_every_other_command_goes_straight_through(terminal: Terminal, stacks: PosixStacks, words: str):
    answer(stacks, "echo evaluated", code=3)

    said = terminal.type(f"rocmswitch {words} | cat; rocmswitch {words}; echo $?")

    assert said.count("none\n") == 2
    assert said.endswith("none\n3\n")


@pytest.mark.parametrize("words", ["--debug use x", "--wait 5 use x", "--wait=5 --debug use x"])
def test_options_before_use_do_not_hide_it(terminal: Terminal, stacks: PosixStacks, words: str):
    answer(stacks, stacks.entering("rocm-5.2.0"))

    terminal.type(f"rocmswitch {words}")

    assert terminal.type(SHOW) == "rocm-5.2.0|use\n"


def test_a_program_that_fails_changes_nothing_and_its_code_is_the_functions(
    terminal: Terminal, stacks: PosixStacks
):
    answer(stacks, stacks.entering("rocm-5.2.0"), code=5)

    assert terminal.type("rocmswitch use x; echo $?").endswith("\n5\n")
    assert terminal.type(SHOW) == "|\n"


def test_an_answer_of_nothing_changes_nothing(terminal: Terminal):
    terminal.type("cd new")
    before = terminal.environment()

    assert terminal.type("rocmswitch use --dry-run x; echo $?").endswith("\n0\n")
    assert terminal.environment() == before


def test_off_ends_the_choice_and_the_project_counts_again(terminal: Terminal, stacks: PosixStacks):
    answer(stacks, stacks.entering("rocm-5.2.0"))
    terminal.type("cd new; rocmswitch use x")
    before = terminal.type(SHOW)
    answer(stacks, posix.leave())

    terminal.type("rocmswitch use --off")

    assert (before, terminal.type(SHOW).partition(":")[0]) == ("rocm-5.2.0|use\n", "rocm-6.2.4|pin")


def test_only_current_and_which_are_told_which_pin_the_shell_has_left(terminal: Terminal, stacks: PosixStacks):
    answer(stacks, "")
    terminal.type("cd new; rocmswitch_off")

    asked = ("current left", "which left", "run left")
    said = [terminal.type(f"rocmswitch {words}").splitlines()[1] for words in asked]

    assert said == [*[f"left pin:{stacks.home}/new/.rocm-version"] * 2, "left none"]
    assert terminal.type("echo ${ROCMSWITCH_LEFT-none}") == "none\n"
    terminal.type("cd ../old")
    terminal.type("cd ../new")
    assert terminal.type("rocmswitch current left").splitlines()[1] == "left "


def test_a_choice_that_the_variable_overrides_is_said(terminal: Terminal, stacks: PosixStacks):
    answer(stacks, stacks.entering("rocm-5.2.0"))
    terminal.type("export ROCMSWITCH_STACK=6.2")

    said = [terminal.type("rocmswitch use x").splitlines()[1:] for _ in range(2)]

    assert said == [["rocmswitch: ROCMSWITCH_STACK goes before `use`: unset it to have rocm-5.2.0"], []]
    assert terminal.type(SHOW) == "rocm-6.2.4|stack\n"
    terminal.type("unset ROCMSWITCH_STACK")
    assert terminal.type(SHOW) == "rocm-5.2.0|use\n"


def test_descriptors_that_the_user_has_open_stay_open(terminal: Terminal, stacks: PosixStacks):
    answer(stacks, stacks.entering("rocm-5.2.0"))
    terminal.type('exec 3>"$HOME/three" 4>"$HOME/four"; rocmswitch use x; echo three >&3; echo four >&4')

    assert [(stacks.home / name).read_text() for name in ("three", "four")] == ["three\n", "four\n"]


def test_a_stack_used_with_a_card_is_entered_with_it_again(terminal: Terminal, stacks: PosixStacks):
    stacks.add("cards", ResolvedActivation((), (), (CardVariable("gfx1010", "HSA_X", "1", "safe"),)))
    answer(stacks, posix.enter(str(stacks.script("cards")), gpu="gfx1010", profile="safe"))
    terminal.type("rocmswitch use x")
    before = terminal.type("echo ${HSA_X-none}")

    terminal.type("export ROCMSWITCH_STACK=6.2")
    terminal.type("unset ROCMSWITCH_STACK")

    assert (before, terminal.type("echo ${HSA_X-none}")) == ("1\n", "1\n")
