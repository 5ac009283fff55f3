"""The main job in real shells: two projects, two stacks, and the way back, from an rc file that `init` wrote."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rocmswitch.store.interpreters import find_interpreter
from rocmswitch.store.virtualenv import Uv
from rocmswitch.system.disk import Disk
from tests.support.commandline import CommandLine
from tests.support.pytorchsite import PytorchSite
from tests.support.shells import Terminal

SHELLS = ("bash", "zsh", "fish")
RC_FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}
TORCH = "python -c 'import torch; print(torch.__version__)'"
NEW, OLD = "2.7.1+rocm6.2.4\n", "2.3.1+rocm5.7\n"


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Somebody with `rocmswitch` on PATH, two environments of two stacks, and a hook for each shell."""
    folder = tmp_path_factory.mktemp("person")
    with PytorchSite(folder / "site", pythons=("cp310", "cp311", "cp312", "cp313")) as site:
        line = CommandLine(folder, {"PIP_INDEX_URL": site.simple})
        site.let(line, "rocm-6.2.4", "rocm-5.7.1", "rocm-5.2.3")
        line.succeed("use", "6.2.4", "--venv", "myproj", "--yes")
        line.succeed("use", "5.7", "--venv", "old", "--yes")
        for shell in SHELLS:
            line.succeed("init", shell, "--install", "--yes")
        for project, pin in (("new", "6.2.4\nmyproj\n"), ("old", "5.7\nold\n"), ("new/none", "system\n")):
            (line.home / project).mkdir(parents=True, exist_ok=True)
            (line.home / project / ".rocm-version").write_text(pin)
        yield line


@pytest.fixture(params=SHELLS)
def terminal(request: pytest.FixtureRequest, person: CommandLine) -> Iterator[Terminal]:
    with _opened(request.param, person) as terminal:
        yield terminal


def test_each_project_has_its_own_torch_and_no_folder_has_one_without(terminal: Terminal) -> None:
    before = terminal.environment()

    said = []
    for folder in ("new", "../old", "../new"):
        terminal.type(f"cd {folder}")
        said.append(terminal.type(TORCH))
    terminal.type("cd ~")

    assert said == [NEW, OLD, NEW]
    assert terminal.environment() == before


def test_use_goes_before_a_project_until_it_is_taken_back(terminal: Terminal) -> None:
    terminal.type("cd new")

    used = terminal.type("rocmswitch use old")
    inside = terminal.type(TORCH)
    terminal.type("rocmswitch use --off")

    assert "using old: rocm-5.7.1, torch 2.3.1+rocm5.7" in used
    assert (inside, terminal.type(TORCH)) == (OLD, NEW)


def test_deactivate_does_what_use_off_does(terminal: Terminal) -> None:
    before = terminal.environment()

    terminal.type("rocmswitch use 6.2.4 --venv myproj")
    inside = terminal.type(TORCH)
    terminal.type("deactivate")

    assert inside == NEW
    assert terminal.environment() == before


def test_system_means_no_stack_in_a_shell_and_in_a_folder(terminal: Terminal, person: CommandLine) -> None:
    terminal.type("cd new/none")
    in_folder = terminal.environment()
    terminal.type("cd ..")
    said = terminal.type("rocmswitch use system")
    in_shell = terminal.environment()

    inside = str(person.layout.venvs).encode()
    assert not [one for state in (in_folder, in_shell) for one in state.values() if inside in one]
    assert said == "no stack in this shell, until `rocmswitch use --off`\n"


def test_a_default_holds_where_nothing_else_says_anything(terminal: Terminal, person: CommandLine) -> None:
    person.succeed("use", "old", "--default")
    try:
        with _opened(terminal.shell, person) as new:
            at_start = new.type(TORCH)
            new.type("cd new")
            in_project = new.type(TORCH)
            new.type("cd ..")
            why = new.type("rocmswitch current")
    finally:
        person.succeed("use", "system", "--default")

    assert (at_start, in_project) == (OLD, NEW)
    assert why.startswith("old  (")
    assert "default" in why


def test_a_pin_is_written_with_the_words_that_were_typed(terminal: Terminal, person: CommandLine) -> None:
    folder = person.home / f"pinned-{terminal.shell}"
    folder.mkdir()
    terminal.type(f"cd {folder.name}")

    terminal.type("rocmswitch use 6.2 --venv myproj --pin")

    assert (folder / ".rocm-version").read_text() == "6.2\nmyproj\n"
    assert terminal.type(TORCH) == NEW
    assert "pinned by" in terminal.type("rocmswitch current")
    terminal.type("cd ../old")
    assert terminal.type(TORCH) == OLD


def test_a_pin_that_is_written_goes_before_what_use_said_earlier(terminal: Terminal, person: CommandLine) -> None:
    folder = person.home / f"later-{terminal.shell}"
    folder.mkdir()
    terminal.type(f"cd {folder.name}")

    terminal.type("rocmswitch use old")
    terminal.type("rocmswitch use myproj --pin")
    inside = terminal.type(TORCH)
    terminal.type("rocmswitch use --off")
    left = b"VIRTUAL_ENV" in terminal.environment()
    terminal.type("rocmswitch use system --pin")
    nothing = terminal.type("rocmswitch current")

    assert (inside, left) == (NEW, False)
    assert nothing.startswith("none  (pinned by")


def test_a_failed_use_leaves_the_shell_as_it_was(terminal: Terminal) -> None:
    terminal.type("cd new")
    before = terminal.environment()

    said = terminal.type("rocmswitch use 9.9")

    assert "error: no stack is called `9.9`" in said
    assert terminal.environment() == before


def test_a_dry_run_and_a_plan_for_programs_enter_nothing(terminal: Terminal) -> None:
    before = terminal.environment()

    terminal.type("rocmswitch use old --dry-run")
    told = terminal.type("rocmswitch use old --json")

    assert told.strip() == "null"
    assert terminal.environment() == before


def test_without_a_name_use_enters_what_the_project_asks_for(terminal: Terminal) -> None:
    terminal.type("cd new")
    terminal.type("rocmswitch use system")

    said = terminal.type("rocmswitch use")

    assert ".rocm-version asks for 6.2.4 and the environment myproj" in said
    assert terminal.type(TORCH) == NEW


def test_the_oldest_wheels_get_the_python_that_they_exist_for(terminal: Terminal, person: CommandLine) -> None:
    python = _python(person.folder, "3.10")

    made = terminal.type(f"rocmswitch use 5.2 --venv oldest --python {python} --yes")
    said = terminal.type("python -c 'import sys, torch; print(sys.version_info[:2], torch.__version__)'")

    assert "using oldest: rocm-5.2.3, torch 1.13.1+rocm5.2" in made
    assert said == "(3, 10) 1.13.1+rocm5.2\n"


def _python(folder: Path, version: str) -> str:
    found = find_interpreter(version, (), Uv(folder / "uv", Disk()))
    return found.executable or pytest.skip(f"no Python {version} here, which the wheels of ROCm 5.2 exist for")


def _opened(shell: str, person: CommandLine) -> AbstractContextManager[Terminal]:
    """A new shell that reads the rc file that `init` wrote."""
    programs = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    quiet = {"VIRTUAL_ENV_DISABLE_PROMPT": "1", "TERM": "dumb", "LANG": "C.UTF-8"}
    environment = {**person.variables(), "PATH": programs, **quiet}
    rc = (person.home / RC_FILES[shell]).read_text()
    return Terminal.opened(shell, person.home, rc=rc, environment=environment)
