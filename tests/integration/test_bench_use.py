"""The measuring of `scripts/bench use`, on real shells: a figure is worth what its ruler is."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def shellrun(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("benchmarks.shellrun")


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("benchmarks.rounds")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_work_is_done_as_often_as_was_asked_with_the_rc_file_read(
    shellrun: ModuleType, shell: str, tmp_path: Path
):
    account = account_with(shellrun, shell, tmp_path, {"fish": "set -g word x"}.get(shell, "word=x"))

    with shellrun.opened(shell, account, tmp_path) as one:
        one.seconds("echo -n $word >>said", 7)

    assert (tmp_path / "said").read_text() == 7 * "x"


@pytest.mark.parametrize(
    ("shell", "rc"),
    [
        ("bash", "PROMPT_COMMAND=('echo -n a >>said' 'echo -n b >>said;')"),
        ("bash", "PROMPT_COMMAND='echo -n ab >>said'"),
        ("zsh", "a() { echo -n a >>said }; b() { echo -n b >>said }; precmd_functions=(a b)"),
        ("zsh", "ab() { echo -n ab >>said }; once() { precmd_functions=(ab) }; precmd_functions=(once ab)"),
        ("fish", "function ab --on-event fish_prompt; echo -n ab >>said; end"),
        ("bash", ""),
    ],
)
def test_a_prompt_calls_what_the_shell_would_call(shellrun: ModuleType, shell: str, rc: str, tmp_path: Path):
    account = account_with(shellrun, shell, tmp_path, rc)

    with shellrun.opened(shell, account, tmp_path) as one:
        (tmp_path / "said").write_text("")
        one.seconds(shellrun.PROMPT, 2)

    assert (tmp_path / "said").read_text() == ("abab" if rc else "")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("code", "forks", "execs"), [("cd /; cd /usr", 0, 0), ("/bin/true", 1, 1), ("echo x | cat >/dev/null", 2, 1)]
)
def test_every_process_that_work_starts_is_counted(
    shellrun: ModuleType, shell: str, code: str, forks: int, execs: int, tmp_path: Path
):
    if shutil.which("strace") is None:
        pytest.skip("no strace here: apt install strace")
    account = account_with(shellrun, shell, tmp_path, "")
    if shell == "fish" and "|" in code:
        forks = 1  # its builtins write into a pipe without a process

    started = shellrun.started_by(shell, account, tmp_path, (":", code), 4)

    assert (started.forks, started.execs) == (forks, execs)


def test_each_round_measures_every_side_once_in_an_order_of_its_own(rounds: ModuleType):
    asked: list[str] = []
    sides = {name: lambda name=name: float(asked.append(name) or ord(name)) for name in "abcd"}

    measured = rounds.shuffled(5, sides)

    orders = ["".join(asked[start : start + 4]) for start in range(0, 20, 4)]
    assert [sorted(one) for one in orders] == 5 * [list("abcd")]
    assert len(set(orders)) > 1
    assert [cost.wall for cost in measured["c"].costs] == 5 * [99.0]


def test_a_row_is_missed_where_one_of_its_limits_is(rounds: ModuleType):
    holds, missed = rounds.ratio_check(1.5, 1, 1.5), rounds.Check(1, 0, "0 processes")

    assert not rounds.Row("prompt", "ours", "1 µs", checks=(holds,)).missed
    assert rounds.Row("prompt", "ours", "1 µs", checks=(holds, missed)).missed
    assert str(missed) == "<= 0 processes MISSED"


def test_the_disk_of_two_trees_counts_what_they_share_once_and_compiled_modules_never(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    disk_of = importlib.import_module("benchmarks.secondvenv").disk_of
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "large.so").write_bytes(bytes(range(256)) * 4096)
    os.link(first / "large.so", second / "large.so")
    alone = disk_of(first)
    (second / "module.pyc").write_bytes(bytes(range(256)) * 4096)

    assert alone >= 1 << 20
    assert disk_of(first, second) - alone < 1 << 16


def account_with(shellrun: ModuleType, shell: str, folder: Path, rc: str):
    """Skips where there is no such shell."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here: apt install {shell}")
    account = shellrun.Account(folder / "person", {})
    account.write_rc(shell, f"{rc}\n")
    return account
