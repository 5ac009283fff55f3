"""A run that is forked ends as one that is started does; what depends on how Python starts is never forked."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import preloaded

COMMANDS = (
    ["--version"],
    ["list", "--json"],
    ["current"],
    ["show", "rocm-0.0"],
    ["frobnicate"],
    ["doctor", "--json"],
)


@pytest.fixture
def variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.delenv(preloaded.ALL, raising=False)
    place = {"HOME": str(tmp_path), "ROCMSWITCH_HOME": str(tmp_path / "rocmswitch")}
    return {**place, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **preloaded.LANGUAGE}


def forked(words: list[str], folder: Path, variables: dict[str, str]) -> tuple[int, str, str]:
    """By the second of two runs, or the first where the verb was started before."""
    done = preloaded.run(words, folder, variables) or preloaded.run(words, folder, variables)
    assert done is not None
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_it_ends_as_a_started_one(words: list[str], tmp_path: Path, variables: dict[str, str]) -> None:
    command = [sys.executable, "-m", "rocmswitch", *words]
    started = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)

    ended = forked(words, tmp_path, variables)

    assert ended == (started.returncode, started.stdout, started.stderr)


@contextlib.contextmanager
def other_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@contextlib.contextmanager
def fewer_files() -> Iterator[None]:
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (few - 1, most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))


@contextlib.contextmanager
def ignored_signal() -> Iterator[None]:
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGUSR2, before)


@pytest.mark.parametrize("change", (other_umask, fewer_files, ignored_signal))
def test_a_process_that_is_not_any_more_what_it_was_has_another_one_that_forks(
    change: Callable[[], contextlib.AbstractContextManager[None]],
) -> None:
    """A started one would inherit it, and so has the forked one to."""
    forkers = preloaded.Forkers()
    first = forkers.take()
    with change():
        second = forkers.take()

        assert (second is first, forkers.take() is second) == (False, True)
    second.close()


def test_the_first_of_a_verb_is_started_anew() -> None:
    forkers = preloaded.Forkers()

    assert [forkers.is_first(words) for words in (["gpu"], ["gpu", "--json"], ["list"])] == [True, False, True]


EACH_MODULE_FIRST = """
import importlib, os, pkgutil, click, elftools.elf.elffile, msgspec, requests, rich.table, tenacity, yaml
import rocmswitch

for found in pkgutil.walk_packages(rocmswitch.__path__, "rocmswitch."):
    if found.name.startswith("rocmswitch.guest"):
        continue
    process = os.fork()
    if not process:
        importlib.import_module(found.name)
        os._exit(0)
    if os.waitpid(process, 0)[1]:
        print(found.name)
"""


def test_no_module_needs_another_to_be_imported_before_it() -> None:
    """A forked run would not show it: there all of them have been imported."""
    done = subprocess.run([sys.executable, "-c", EACH_MODULE_FIRST], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ("PYTHONUTF8", "LC_ALL", "LD_PRELOAD", "LANG"))
def test_what_counts_while_python_starts_is_started(name: str, tmp_path: Path, variables: dict[str, str]) -> None:
    preloaded.run(["list"], tmp_path, variables)

    assert preloaded.run(["list"], tmp_path, {**variables, name: "1"}) is None


def test_all_of_them_can_be_started(
    tmp_path: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    preloaded.run(["list"], tmp_path, variables)
    monkeypatch.setenv(preloaded.ALL, "all")

    assert preloaded.run(["list"], tmp_path, variables) is None
