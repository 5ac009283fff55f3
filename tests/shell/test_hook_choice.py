"""The hook in a real bash and zsh, typed into: which stack a folder has, what goes before what, how one leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.shell import posix
from tests.support.posixstacks import HOOKED, SHOW, PosixStacks
from tests.support.shells import Terminal, account


@pytest.fixture
def stacks(tmp_path: Path) -> PosixStacks:
    """The home's path has a blank, a quote and what would be a pattern."""
    return PosixStacks.furnished(tmp_path / "it's a home [*] $(x)")


@pytest.fixture(params=HOOKED)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def terminal(stacks: PosixStacks, shell: str) -> Iterator[Terminal]:
    with Terminal.opened(shell, stacks.home, rc=stacks.quiet_hook(shell)) as terminal:
        yield terminal


def active(terminal: Terminal) -> str:
    return terminal.type(SHOW).strip()


def test_a_project_has_its_stack_also_in_folders_below_and_nothing_of_it_stays_outside(
    terminal: Terminal, stacks: PosixStacks
):
    before = terminal.environment()

    terminal.type("mkdir -p new/a/b; cd new/a/b")

    assert active(terminal) == f"rocm-6.2.4|pin:{stacks.home}/new/.rocm-version"
    assert terminal.type("echo $PATH") == "/stacks/rocm-6.2.4/bin:/usr/bin:/bin\n"
    terminal.type("cd ~")
    assert terminal.environment() == before


def test_from_one_project_to_another_only_the_second_is_left_over(terminal: Terminal, stacks: PosixStacks):
    terminal.type("cd new")
    terminal.type("cd ../old")

    assert active(terminal) == f"demo|pin:{stacks.home}/old/.rocm-version"
    assert terminal.type("echo $PATH:$UV_CONSTRAINT:${ROCM_PATH-none}") == (
        "/venvs/demo/bin:/usr/bin:/bin:/venvs/demo/constraints.txt:none\n"
    )


def test_an_explicit_choice_stays_in_projects_until_it_is_ended(terminal: Terminal, stacks: PosixStacks):
    terminal.type(stacks.entering("rocm-5.2.0"))
    terminal.type("cd new")

    assert active(terminal) == "rocm-5.2.0|use"
    terminal.type(posix.leave())
    assert active(terminal) == f"rocm-6.2.4|pin:{stacks.home}/new/.rocm-version"


def test_who_leaves_a_project_stays_out_until_another_one_governs(terminal: Terminal):
    terminal.type("cd old")
    before = active(terminal)

    terminal.type("deactivate")
    seen = [active(terminal)]
    for line in ("mkdir a; cd a", "cd ~", "cd old", "cd ../new", "cd ../old"):
        terminal.type(line)
        seen.append(active(terminal).partition("|")[0])

    assert before.startswith("demo|pin:")
    assert seen == ["|", "", "", "", "rocm-6.2.4", "demo"]


def test_no_stack_can_be_chosen_for_a_shell(terminal: Terminal):
    terminal.type("cd new")

    terminal.type(posix.no_stack())
    terminal.type("cd ../old")

    assert active(terminal) == "|use"
    terminal.type(posix.leave())
    assert active(terminal).startswith("demo|pin:")


def test_no_stack_can_be_chosen_for_a_project(stacks: PosixStacks, shell: str):
    stacks.alias("default", "rocm-5.2.0")
    pin = stacks.project("bare", "system\n") / ".rocm-version"

    with Terminal.opened(shell, stacks.home, rc=stacks.quiet_hook(shell)) as terminal:
        seen = [active(terminal)]
        terminal.type("cd bare")
        seen.append(active(terminal))
        terminal.type("cd ..")
        seen.append(active(terminal))

    assert seen == ["rocm-5.2.0|default", f"|pin:{pin}", "rocm-5.2.0|default"]


def test_the_variable_goes_before_everything_and_gives_the_choice_back(terminal: Terminal, stacks: PosixStacks):
    terminal.type(posix.enter(str(stacks.script("rocm-5.2.0")), gpu="gfx90a", profile="safe"))
    seen = []

    for line in ("export ROCMSWITCH_STACK=6.2", "cd old", "unset ROCMSWITCH_STACK", posix.leave()):
        terminal.type(line)
        seen.append(active(terminal).partition(":")[0])

    assert seen == ["rocm-6.2.4|stack", "rocm-6.2.4|stack", "rocm-5.2.0|use", "demo|pin"]


@pytest.mark.parametrize("value", ["../evil", "/etc/passwd", "$(touch ran)", "a b", "a/b", "x" * 65])
def test_a_variable_that_is_no_name_is_ignored_and_said_once(terminal: Terminal, stacks: PosixStacks, value: str):
    said = terminal.type(f"export ROCMSWITCH_STACK={posix.quote(value)}")

    assert said == "rocmswitch: ignored: ROCMSWITCH_STACK is not the name of a stack\n"
    assert terminal.type("cd new") == ""
    assert active(terminal).startswith("rocm-6.2.4|pin:")
    assert not (stacks.home / "ran").exists()


def test_what_is_not_installed_is_said_once_for_each_file_with_the_command_that_installs_it(
    terminal: Terminal, stacks: PosixStacks
):
    for name, pin in (("a", "9.9\n"), ("b", "9.9\n"), ("c", "6.2\nmissing\n")):
        stacks.project(name, pin)

    said = [terminal.type(f"cd ~/{name}") for name in "abca"]

    what = (
        f"rocmswitch: {stacks.home}/%s/.rocm-version asks for %s, which is not installed; run: rocmswitch use %s\n"
    )
    assert said == [
        what % ("a", "9.9", "9.9"),
        what % ("b", "9.9", "9.9"),
        what % ("c", "missing", "6.2 --venv missing"),
        "",
    ]
    assert active(terminal) == "|"


def test_a_project_whose_stack_was_installed_meanwhile_has_it_in_the_next_folder(
    terminal: Terminal, stacks: PosixStacks
):
    (stacks.project("late", "7.0\n") / "sub").mkdir()
    terminal.type("cd late")

    stacks.add("7.0")
    terminal.type("cd sub")

    assert active(terminal).startswith("7.0|pin:")


def test_the_default_of_the_system_counts_where_the_user_has_none(stacks: PosixStacks, shell: str, tmp_path: Path):
    system = tmp_path / "opt"
    (system / "activations").mkdir(parents=True, mode=0o755)
    (system / "activations").chmod(0o755)
    (system / "activations/default.sh").write_text(stacks.script("rocm-5.2.0").read_text())
    both = f'_ROCMSWITCH_DATA=("${{_ROCMSWITCH_DATA[@]:0:1}}" {posix.quote(str(system))})'
    rc = f"{stacks.quiet_hook(shell)}\n{both}"

    with Terminal.opened(shell, stacks.home, rc=rc) as terminal:
        assert active(terminal) == "rocm-5.2.0|default"
        terminal.type("cd new")
        assert active(terminal).startswith("rocm-6.2.4|pin:")


def test_the_exit_status_survives_the_prompt_on_the_way_in_and_out(terminal: Terminal):
    seen = []
    for line in ("cd new; (exit 3)", "echo $?; (exit 4)", "echo $?; cd ..; (exit 5)", "echo $?"):
        seen.append(terminal.type(line))

    assert seen == ["", "3\n", "4\n", "5\n"]


def test_modules_that_are_loaded_are_left_alone(terminal: Terminal):
    terminal.type("export ROCMSWITCH_ACTIVE=rocm-7.0.0 ROCMSWITCH_WHY=module")
    terminal.type("cd new")

    assert active(terminal) == "rocm-7.0.0|module"
    terminal.type("unset ROCMSWITCH_ACTIVE ROCMSWITCH_WHY; mkdir s; cd s")
    assert active(terminal).startswith("rocm-6.2.4|pin:")


def test_a_folder_changed_in_a_subshell_is_its_own_affair(terminal: Terminal):
    assert terminal.type(f"(cd new; {SHOW}); {SHOW}") == "|\n|\n"


def test_nothing_is_looked_at_while_the_folder_stays(terminal: Terminal, stacks: PosixStacks):
    terminal.type("cd new")
    (stacks.home / "new/.rocm-version").write_text("rocm-5.2.0\n")

    assert active(terminal).startswith("rocm-6.2.4|")
    terminal.type("cd ..")
    terminal.type("cd new")
    assert active(terminal).startswith("rocm-5.2.0|")


def test_a_login_shell_inside_that_starts_with_a_path_of_its_own_enters_again(
    terminal: Terminal, stacks: PosixStacks, shell: str
):
    rc = f"PATH=/usr/bin:/bin\n{stacks.quiet_hook(shell)}"
    inherited = {**account(stacks.home), "TERM": "dumb"}
    terminal.type("cd old")
    inherited.update(
        (name.decode(), value.decode()) for name, value in terminal.environment().items() if name != b"PWD"
    )

    with Terminal.opened(shell, stacks.home, rc=f"cd old\n{rc}", environment=inherited) as inside:
        assert inside.type("echo $PATH") == "/venvs/demo/bin:/usr/bin:/bin\n"
        inside.type("cd ~")
        assert inside.type("echo $PATH:${VIRTUAL_ENV-none}") == "/usr/bin:/bin:none\n"


def test_an_environment_is_left_exactly_also_after_one_in_which_the_user_changed_something(terminal: Terminal):
    for line in (
        "cd old",
        "VIRTUAL_ENV=/mine",
        "cd ~",
        "unset VIRTUAL_ENV; export UV_CONSTRAINT=/old",
        "cd old",
        "cd ~",
    ):
        terminal.type(line)

    assert terminal.type("echo $UV_CONSTRAINT ${VIRTUAL_ENV-none} $PATH") == "/old none /usr/bin:/bin\n"
