"""What the prompt shows inside: the name, in front of whatever prompt its owner has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fishstacks import FishStacks
from tests.support.posixstacks import HOOKED, PosixStacks
from tests.support.shells import Terminal, account, run


@pytest.mark.parametrize("shell", HOOKED)
def test_the_prompt_shows_what_is_active_in_front_of_the_user_s_own(tmp_path: Path, shell: str):
    stacks = PosixStacks.furnished(tmp_path / "a home")
    hook = stacks.hook(shell)

    with Terminal.opened(shell, stacks.home, rc=hook) as terminal:
        terminal.type(hook)  # once more, after the prompt that the terminal has given itself
        shown = [terminal.type(line) for line in ("cd new", "cd ..", hook, "cd new", "cd ../old")]

    assert shown == ["(rocm-6.2.4) ", "", "", "(rocm-6.2.4) ", shown[-1]]
    assert shown[-1].startswith("(")
    assert "6.2.4" not in shown[-1]


@pytest.mark.parametrize("shell", HOOKED)
def test_who_wants_no_environment_in_the_prompt_gets_none(tmp_path: Path, shell: str):
    stacks = PosixStacks.furnished(tmp_path / "a home")
    hook = stacks.hook(shell)

    quiet = {**account(stacks.home, VIRTUAL_ENV_DISABLE_PROMPT="1"), "TERM": "dumb"}
    with Terminal.opened(shell, stacks.home, rc=hook, environment=quiet) as terminal:
        terminal.type(hook)
        shown = terminal.type("cd new")

    assert shown == ""


def test_fish_shows_it_too_and_its_prompt_still_sees_the_status(tmp_path: Path):
    home = tmp_path / "a home"
    home.mkdir()
    stacks = FishStacks(home)
    stacks.add("rocm-6.2.4")
    stacks.project("new", "rocm-6.2.4\n")

    with Terminal.opened("fish", home, rc=stacks.hook) as terminal:
        # Once more, around the prompt that the terminal has given itself, which now ends in the status.
        terminal.type("functions -e _rocmswitch_their_prompt; functions --copy fish_prompt marked")
        terminal.type("function fish_prompt; echo -n status $status' '; marked; end")
        (home / "hook.fish").write_text(stacks.hook)
        terminal.type("source ~/hook.fish")
        shown = [terminal.type(line) for line in ("cd new", "false", "cd ..")]

    assert shown == ["(rocm-6.2.4) status 0 ", "(rocm-6.2.4) status 1 ", "status 0 "]


def test_zsh_shows_it_again_where_the_rc_file_is_read_again_and_makes_a_prompt(tmp_path: Path):
    stacks = PosixStacks.furnished(tmp_path / "a home")
    hook = stacks.hook("zsh")

    with Terminal.opened("zsh", stacks.home, rc=hook) as terminal:
        terminal.type(hook)
        shown = [terminal.type(line) for line in ("cd new", f'PROMPT=${{PROMPT#*") "}}; {hook}', "cd ..")]

    assert shown == ["(rocm-6.2.4) ", "(rocm-6.2.4) ", ""]


def test_zsh_shows_it_once_where_the_prompt_comes_from_a_shell_around_it(tmp_path: Path):
    stacks = PosixStacks.furnished(tmp_path / "a home")
    inside = account(
        stacks.home, ROCMSWITCH_ACTIVE="demo", ROCMSWITCH_WHY="use", _ROCMSWITCH_DONE="who:ROCMSWITCH "
    )
    show = '_rocmswitch_hook; print -r -- "$PROMPT"'

    done = run(
        "zsh",
        f"PROMPT='(demo) % '\n{stacks.hook('zsh')}\n{show}\nrocmswitch_off\n{show}",
        folder=stacks.home,
        environment=inside,
    )

    assert done.out == b"(demo) % \n% \n"


@pytest.mark.parametrize(
    ("before", "prompt"),
    [
        ("PS1='$ '; readonly PS1", "$ "),
        ("PS1='$ '; shopt -u promptvars", "$ "),
        ("unset PS1; set -u", "none"),
        ("PS1='$ '; set -eu", "${ROCMSWITCH_ACTIVE:+($ROCMSWITCH_ACTIVE) }$ "),
    ],
)
def test_bash_follows_projects_whatever_its_prompt_is(tmp_path: Path, before: str, prompt: str):
    stacks = PosixStacks.furnished(tmp_path / "a home")
    lines = (before, stacks.hook("bash"), "cd new", "_rocmswitch_hook", 'echo "$ROCMSWITCH_ACTIVE|${PS1-none}"')

    done = run("bash", "\n".join(lines), folder=stacks.home, environment=account(stacks.home))

    assert (done.out.decode(), done.err) == (f"rocm-6.2.4|{prompt}\n", b"")
