"""Pythons found by the real uv in real folders, and fetched by it from a server that has a real, small one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.errors import Failed, NetworkFailed, NotFound, UsageMistake, VerificationFailed
from rocmswitch.planning.wheels import Interpreter
from rocmswitch.store.interpreters import fetch_interpreter, find_interpreter, read_interpreter
from rocmswitch.store.virtualenv import Uv
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut
from tests.support.pythonsite import PythonSite
from tests.support.server import Fault

VERSION = sysconfig.get_python_version()
TAG = f"cp{VERSION.replace('.', '')}"
OTHER = "cp39" if TAG != "cp39" else "cp310"
"""A tag that the running Python does not have."""
BASE = Path(sys.base_prefix, "bin", f"python{VERSION}").resolve()


@pytest.fixture
def uv(tmp_path: Path) -> Uv:
    return Uv(tmp_path / "cache/uv", HastyDisk(), tmp_path / "data/pythons")


@pytest.fixture(autouse=True)
def nothing_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with no Python but the one that runs."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.delenv("PYENV_ROOT", raising=False)


def place(folder: Path) -> Path:
    """This Python, found in *folder* by its name, which notes there that it was `started`."""
    folder.mkdir(parents=True)
    program = folder / f"python{VERSION}"
    program.write_text(f'#!/bin/sh\n: >> "{folder}/started"\nexec "{BASE}" "$@"\n')
    program.chmod(0o755)
    return folder


def pretend(path: Path, **said: object) -> Path:
    """A program that answers as a Python does, though perhaps for another machine."""
    answer = {
        "implementation": "cpython",
        "version": [3, 10],
        "threads": "",
        "bits": 64,
        "machine": os.uname().machine,
        "system": "x86_64-linux-gnu",
        "base": str(path),
    }
    path.write_text(f"#!/bin/sh\necho '{json.dumps(answer | said)}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    "folder",
    (
        ".pyenv/versions/3.99.0/bin",
        ".asdf/installs/python/3.99/bin",
        ".local/share/mise/installs/python/3.99/bin",
    ),
)
def test_what_a_version_manager_has_is_found_though_it_is_not_chosen(folder: str, uv: Uv) -> None:
    there = place(Path(os.environ["HOME"], folder))

    assert find_interpreter(VERSION, (), uv) == read_interpreter(BASE)
    assert (there / "started").exists()


def test_an_environment_of_conda_is_found_by_its_list(uv: Uv, tmp_path: Path) -> None:
    there = place(tmp_path / "my envs/rocm/bin")
    listed = Path(os.environ["HOME"], ".conda/environments.txt")
    listed.parent.mkdir()
    listed.write_text(f"relative\n{tmp_path}/gone\n{tmp_path}/my envs/rocm\n")

    assert find_interpreter(VERSION, (), uv) == read_interpreter(BASE)
    assert (there / "started").exists()


def test_a_shim_is_never_started(uv: Uv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shims, told = tmp_path / "shims", tmp_path / "told"
    shims.mkdir()
    (shims / f"python{VERSION}").write_text(f"#!/bin/sh\necho started >> {told}\nexit 127\n")
    (shims / f"python{VERSION}").chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}:{place(tmp_path / 'bin')}")

    found = find_interpreter(VERSION, (), uv)

    assert (found, told.exists()) == (read_interpreter(BASE), False)


def test_the_running_python_is_found_by_its_version_wherever_it_lies(site: PythonSite, uv: Uv) -> None:
    assert find_interpreter(VERSION, (), uv) == read_interpreter(Path(sys.executable))


@pytest.mark.parametrize("request_", (VERSION, TAG, f"python{VERSION}", f"cpython@{VERSION}"))
def test_a_version_can_be_said_in_several_ways(
    request_: str, uv: Uv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(place(tmp_path / "bin")))

    assert find_interpreter(request_, (), uv).tag == TAG


@pytest.mark.parametrize("request_", ("--help", "-q", "3", "pypy3.10", ">=3.9", "3.10; rm", "3.10.x", "\n"))
def test_what_is_no_version_is_a_mistake_and_reaches_no_program(request_: str, uv: Uv) -> None:
    with pytest.raises(UsageMistake, match=r"is neither a version of Python like `3.10` nor a path with a slash"):
        find_interpreter(request_, (), uv)


def test_the_build_without_the_global_lock_is_another_python(
    uv: Uv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path / "bin")
    (tmp_path / f"bin/python{VERSION}t").symlink_to(BASE)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    with pytest.raises(NotFound, match=f"no Python `{VERSION}t`"):
        find_interpreter(f"{VERSION}t", (), uv)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"bits": 32}, "is not a 64-bit CPython"),
        ({"implementation": "pypy"}, "is not a 64-bit CPython"),
        ({"machine": "riscv64"}, "is a Python for riscv64, and this machine is"),
        ({"system": "x86_64-linux-musl"}, "is a Python for musl"),
        ({"version": "three"}, "does not answer as a Python does"),
        ({"version": [3]}, "does not answer as a Python does"),
    ],
)
def test_a_python_that_the_wheels_are_not_built_for_is_refused(
    said: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(Failed, match=message):
        read_interpreter(pretend(tmp_path / "python", **said))


@pytest.mark.parametrize(
    ("said", "tag", "wheel"),
    [
        ({}, "cp310", "cp310-cp310"),
        ({"version": [3, 7]}, "cp37", "cp37-cp37m"),
        ({"version": [3, 13], "threads": "t"}, "cp313t", "cp313-cp313t"),
    ],
)
def test_the_first_tag_is_that_of_the_wheels_that_it_takes(
    said: dict[str, object], tag: str, wheel: str, tmp_path: Path
) -> None:
    found = read_interpreter(pretend(tmp_path / "python", **said))

    assert (found.tag, str(found.tags[0]).rsplit("-", 1)[0]) == (tag, wheel)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PythonSite]:
    with PythonSite(tmp_path_factory.mktemp("pythons")) as site:
        site.offer()
        yield site


@pytest.fixture
def site(served: PythonSite, monkeypatch: pytest.MonkeyPatch) -> Iterator[PythonSite]:
    monkeypatch.delenv("UV_PYTHON_DOWNLOADS")
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    yield served
    served.server.behave()


def wanted_one(uv: Uv) -> Interpreter:
    """The one that the server has, by its patch level: without that the running Python would do."""
    return find_interpreter(f"{VERSION}.99", (), uv)


def test_what_the_machine_lacks_is_offered_with_its_tags_and_not_fetched_yet(site: PythonSite, uv: Uv) -> None:
    before = len(site.server.requests)

    found = wanted_one(uv)

    assert found == Interpreter("", TAG, read_interpreter(BASE).tags, fetch=f"{VERSION}.99")
    assert (len(site.server.requests), uv.pythons.exists()) == (before, False)


def test_a_fetched_python_runs_and_is_found_from_then_on(site: PythonSite, uv: Uv) -> None:
    fetched = fetch_interpreter(wanted_one(uv), uv)

    path = Path(fetched.executable)
    said = subprocess.run(
        [path, "-Ic", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    )
    assert (fetched.tag, fetched.fetch, Path(said.stdout.strip())) == (TAG, "", path.parents[1])
    assert path.is_relative_to(uv.pythons)
    assert find_interpreter(VERSION, (), uv) == fetched


def test_an_environment_can_be_made_of_a_fetched_python(site: PythonSite, uv: Uv, tmp_path: Path) -> None:
    fetched = fetch_interpreter(wanted_one(uv), uv)
    (tmp_path / "venv").mkdir()

    uv.make_environment(tmp_path / "venv", Path(fetched.executable), ())

    assert (tmp_path / "venv/bin/python").resolve() == Path(fetched.executable)


def test_it_is_fetched_once(site: PythonSite, uv: Uv) -> None:
    offered = wanted_one(uv)
    first = fetch_interpreter(offered, uv)
    before = len(site.server.requests)

    assert (fetch_interpreter(offered, uv), len(site.server.requests)) == (first, before)


def test_one_that_was_there_all_the_time_is_not_fetched(uv: Uv) -> None:
    running = read_interpreter(Path(sys.executable))

    assert fetch_interpreter(running, uv) is running


def test_nothing_lands_in_the_users_own_folders(site: PythonSite, uv: Uv) -> None:
    fetch_interpreter(wanted_one(uv), uv)

    assert [path for path in Path(os.environ["HOME"]).rglob("*") if not path.is_dir()] == []


def test_wrong_bytes_are_refused(site: PythonSite, uv: Uv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PythonSite(tmp_path / "forged") as forged:
        forged.offer(sha256="ab" * 32)
        for name, value in forged.environment.items():
            monkeypatch.setenv(name, value)

        with pytest.raises(VerificationFailed, match="uv could not fetch `cpython-"):
            fetch_interpreter(wanted_one(uv), uv)

    assert list(uv.pythons.glob("cpython-*")) == []


def test_a_server_that_does_not_have_it_is_said_with_what_to_do_instead(site: PythonSite, uv: Uv) -> None:
    offered = wanted_one(uv)
    site.server.misbehave(f"20260102/cpython-{VERSION}.99.tar.gz", Fault(status=404))

    with pytest.raises(NetworkFailed, match="uv could not fetch `cpython-") as caught:
        fetch_interpreter(offered, uv)

    assert caught.value.hint == "run the same command with `--python /path/to/python`, or again later"


@pytest.mark.parametrize(("name", "value"), [("UV_PYTHON_DOWNLOADS", "never"), ("UV_OFFLINE", "1")])
def test_who_forbids_downloads_is_told_which_pythons_would_do(
    name: str, value: str, site: PythonSite, uv: Uv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(NotFound) as caught:
        find_interpreter("", ("cp398", "cp399"), uv)

    assert str(caught.value) == "this machine has none of the Pythons that the wheels exist for: 3.98, 3.99"


def test_of_several_the_newest_that_can_be_had_is_fetched(
    uv: Uv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_PYTHON_DOWNLOADS")
    with PythonSite(tmp_path / "served") as site:
        for version in ("3.97.1", "3.98.2", "3.98.10"):
            site.offer(version)
        for name, value in site.environment.items():
            monkeypatch.setenv(name, value)

        found = find_interpreter("", ("cp397", "cp398", "cp398t", "cp399"), uv)

    assert (found.tag, found.fetch) == ("cp398", "3.98.10")


class SyncNotingDisk(CuttingDisk):
    """Knows whether what was written before had reached it when the power went."""

    synced = False

    def sync_filesystem(self, path: Path) -> None:
        super().sync_filesystem(path)
        self.synced = True


def test_after_a_power_cut_at_any_change_it_is_whole_or_fetched_again(site: PythonSite, tmp_path: Path) -> None:
    counting = CuttingDisk(-1)
    offered = wanted_one(Uv(tmp_path / "uv", counting, tmp_path / "counted"))
    fetch_interpreter(offered, Uv(tmp_path / "uv", counting, tmp_path / "counted"))

    for at in range(counting.seen):
        pythons, disk = tmp_path / f"cut-{at}", SyncNotingDisk(at)
        with pytest.raises(PowerCut):
            fetch_interpreter(offered, Uv(tmp_path / "uv", disk, pythons))
        for path in () if disk.synced else pythons.glob("cpython-*/lib/python*/json/__init__.py"):
            path.write_bytes(b"")  # no Python answers without it
        fetched = fetch_interpreter(offered, Uv(tmp_path / "uv", HastyDisk(), pythons))
        assert fetched.tag == TAG, at
    assert counting.seen > 2
