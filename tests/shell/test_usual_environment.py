"""The environment that most have: two steps stand for all of it, and every shell and `run` can leave them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.operations.hooks import hook_text
from rocmswitch.operations.rendering import functions
from rocmswitch.planning.leaving import left
from rocmswitch.shell import posix
from rocmswitch.store.layout import Layout
from tests.support.posixstacks import HOOKED, PLAIN
from tests.support.shells import account, dumped, dumping, run

FOLDER = "/venvs/it's mine"
USUAL = ResolvedActivation(
    (("VIRTUAL_ENV", FOLDER), ("UV_CONSTRAINT", f"{FOLDER}/constraints.txt")),
    (("PATH", (f"{FOLDER}/bin",)),),
    unset=("PYTHONHOME",),
)
OURS = ("ROCMSWITCH_", "_ROCMSWITCH_", "VIRTUAL_ENV", "UV_CONSTRAINT")
CHANGES = {
    "": {},
    "PATH=/new:$PATH:/last": {"PATH": "/new:/usr/bin:/bin:/last"},
    "UV_CONSTRAINT=/mine": {"UV_CONSTRAINT": "/mine"},
    "unset UV_CONSTRAINT; VIRTUAL_ENV=/other": {"VIRTUAL_ENV": "/other"},
    "export ROCMSWITCH_ACTIVE=other ROCMSWITCH_WHY=module": {
        "ROCMSWITCH_ACTIVE": "other",
        "ROCMSWITCH_WHY": "module",
    },
}


def inside(shell: str, folder: Path, change: str = "", *, leave: str = "") -> dict[str, str]:
    """What a program sees in *shell* with its hook, after *change* in the environment."""
    file = folder / "seen"
    (folder / "hook").write_text(hook_text(shell, Layout.under(folder / "nothing")))
    enter = posix.render("demo", USUAL, "")
    text = f"set -u\n. ./hook\n{enter}\n{change}\n{leave}\n{dumping(file)}\n"
    done = run(shell, text, folder=folder, environment=account(folder))
    assert (done.code, done.out, done.err) == (0, b"", b"")
    return {os.fsdecode(name): os.fsdecode(value) for name, value in dumped(file).items()}


def relevant(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name == "PATH" or name.startswith(OURS)}


@pytest.mark.parametrize("shell", HOOKED)
def test_two_steps_and_one_variable_are_all_that_is_remembered(shell: str, tmp_path: Path):
    assert relevant(inside(shell, tmp_path)) == {
        "PATH": f"{FOLDER}/bin:/usr/bin:/bin",
        "ROCMSWITCH_ACTIVE": "demo",
        "ROCMSWITCH_WHY": "use",
        "UV_CONSTRAINT": f"{FOLDER}/constraints.txt",
        "VIRTUAL_ENV": FOLDER,
        "_ROCMSWITCH_DONE": "env:VIRTUAL_ENV who:ROCMSWITCH ",
        "_ROCMSWITCH_NEW_VIRTUAL_ENV": FOLDER,
    }


@pytest.mark.parametrize("shell", HOOKED)
@pytest.mark.parametrize("change", CHANGES)
def test_leaving_gives_back_all_but_what_the_user_has_changed(shell: str, change: str, tmp_path: Path):
    after = inside(shell, tmp_path, change, leave="rocmswitch_off")

    assert relevant(after) == {"PATH": "/usr/bin:/bin", **CHANGES[change]}


@pytest.mark.parametrize("shell", HOOKED)
@pytest.mark.parametrize("inner", [*PLAIN, "fish", *(f"{shell} with the hook" for shell in HOOKED)])
@pytest.mark.parametrize("change", CHANGES)
def test_any_shell_inside_leaves_it(shell: str, inner: str, change: str, tmp_path: Path):
    environment = inside(shell, tmp_path, change)
    name, _, hooked = inner.partition(" ")
    dialect = "fish" if name == "fish" else "sh"
    text = hook_text(name, Layout.under(tmp_path / "nothing")) if hooked else functions(dialect)
    (tmp_path / "carried").write_text(text)
    file = tmp_path / "seen"

    done = run(name, f". ./carried\nrocmswitch_off\n{dumping(file)}\n", folder=tmp_path, environment=environment)

    assert (done.code, done.err) == (0, b"")
    after = {os.fsdecode(key): os.fsdecode(value) for key, value in dumped(file).items()}
    assert relevant(after) == {"PATH": "/usr/bin:/bin", **CHANGES[change]}


@pytest.mark.parametrize("shell", HOOKED)
@pytest.mark.parametrize("change", CHANGES)
def test_run_leaves_it(shell: str, change: str, tmp_path: Path):
    assert relevant(left(inside(shell, tmp_path, change))) == {"PATH": "/usr/bin:/bin", **CHANGES[change]}


@pytest.mark.parametrize("shell", HOOKED)
def test_a_path_that_held_nothing_else_any_more_is_empty_then_not_unset(shell: str, tmp_path: Path):
    after = inside(shell, tmp_path, f"PATH={posix.quote(f'{FOLDER}/bin')}", leave="rocmswitch_off")

    assert after["PATH"] == ""
