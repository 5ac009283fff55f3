"""A disk that runs full in each phase, and file systems that are not one: on real ones, in memory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.disk import HastyDisk
from tests.support.faults import Hands, assert_sound, assert_tidy
from tests.support.filesystems import fill, small_disk
from tests.support.keys import KeyFolder
from tests.support.running import Running
from tests.support.tinystack import TINY, TinyServer

MEGABYTE = 1024 * 1024
INSTALL = ("install", TINY, "--set", "libraries", "--yes")
PHASES = {
    "index": "sync_directory .*/cache/indexes",
    "download": "create .*/cache/partial/.*",
    "unpack": "create .*/share/",
    "publish": "create .*files.json",
    "receipt": "sync_filesystem ",
}
"""Before which change of the disk it is full. Relocation needs no room of its own: it changes small files in
place, and what is the same as in the tree before becomes one file with it, which even makes room."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyServer]:
    folder = tmp_path_factory.mktemp("served")
    with KeyFolder() as keys, TinyServer(folder, keys.modern(), plugins=10, filling=2 * MEGABYTE) as served:
        yield served


@pytest.fixture
def line(served: TinyServer, tmp_path: Path) -> Iterator[CommandLine]:
    """Somebody with the runtime set, on a small disk."""
    line = CommandLine(tmp_path)
    with small_disk(tmp_path / "rocmswitch", 40 * MEGABYTE):
        served.furnish(line.layout)
        Hands(line.layout, HastyDisk(), served.index).install()
        yield line


@pytest.mark.parametrize("phase", PHASES)
def test_a_disk_that_runs_full_is_an_error_that_names_a_folder_and_the_old_state_stays(
    phase: str, line: CommandLine, served: TinyServer
) -> None:
    before = assert_sound(line.layout)
    running = Running.start(line, *INSTALL, slow_from=PHASES[phase], halts=True)
    with running.while_halted():
        filler = fill(line.folder / "rocmswitch")

    ended = running.finish()

    errors = [words for words in ended.err.splitlines() if words.startswith("error: ")]
    assert (ended.code, len(errors)) == (6, 1), ended.err
    said = ("no space is left for ", "") if phase != "index" else ("", " MB free and ")
    assert f"error: {said[0]}`{line.folder}/rocmswitch/" in errors[0]
    assert said[1] in errors[0]
    assert ended.err.splitlines()[-1] == "hint: run `rocmswitch cache prune`"
    assert assert_sound(line.layout) == before
    assert line.run("list").code == 0
    assert line.run("verify").code == 0
    filler.unlink()
    assert line.run(*INSTALL).code == 0
    assert_tidy(line.layout)


def test_a_script_for_which_there_was_no_room_is_written_by_the_next_command(line: CommandLine) -> None:
    assert line.run("remove", TINY, "--yes").code == 0
    running = Running.start(line, *INSTALL, slow_from="rename .*/prefixes/tiny-1.0", halts=True)
    with running.while_halted():
        filler = fill(line.folder / "rocmswitch")
    assert running.finish().code == 6
    assert assert_sound(line.layout).keys() == {TINY}
    filler.unlink()

    outcome = line.run("use", TINY)

    assert outcome.code == 0
    assert_tidy(line.layout)


def test_what_a_broken_installation_took_is_given_back_by_the_command_of_the_hint(
    line: CommandLine, served: TinyServer
) -> None:
    running = Running.start(line, *INSTALL, slow_from=PHASES["publish"], halts=True)
    with running.while_halted():
        filler = fill(line.folder / "rocmswitch")
    assert running.finish().code == 6

    outcome = line.run("cache", "prune", "--yes")

    assert outcome.code == 0
    assert "which was unfinished or is no longer used" in outcome.err
    filler.unlink()
    assert_tidy(line.layout)


def test_room_that_a_broken_installation_takes_is_taken_back_before_it_is_measured(
    line: CommandLine, served: TinyServer
) -> None:
    begun = line.layout.prefixes / ".trees" / f"{TINY}-0123456789ab"
    begun.mkdir()
    filler = fill(begun)
    os.truncate(filler, filler.stat().st_size - 2 * MEGABYTE)

    outcome = line.run(*INSTALL)

    assert outcome.code == 0, outcome
    assert_tidy(line.layout)


def test_a_plan_that_does_not_fit_is_refused_before_the_download(line: CommandLine, served: TinyServer) -> None:
    before = len(served.server.requests)
    (line.folder / "rocmswitch/filler").write_bytes(bytes(25 * MEGABYTE))

    outcome = line.run(*INSTALL)

    assert outcome.code == 6
    assert outcome.error.startswith(f"`{line.layout.prefixes}` has ")
    asked = {request.path.rpartition(".")[2] for request in served.server.requests[before:]}
    assert "deb" not in asked


def test_cache_and_data_may_lie_on_different_file_systems(served: TinyServer, tmp_path: Path) -> None:
    line = CommandLine(tmp_path, {"PIP_INDEX_URL": served.index})
    with (
        small_disk(line.layout.cache, 60 * MEGABYTE),
        small_disk(line.layout.data, 60 * MEGABYTE),
    ):
        served.furnish(line.layout)

        outcomes = [
            line.run("install", TINY, "--yes"),
            line.run(*INSTALL),
            line.run("use", TINY, "--venv", "demo", "--yes"),
            line.run("verify"),
            line.run("remove", "demo", "--yes"),
            line.run("remove", TINY, "--yes"),
            line.run("cache", "prune", "--yes"),
        ]

        assert [one.code for one in outcomes] == [0] * 7, outcomes
        assert_tidy(line.layout)


def test_a_file_system_that_is_mounted_read_only_is_said_to_be_so(line: CommandLine) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(line.folder / "rocmswitch")], check=True)

    outcome = line.run(*INSTALL)
    looked = [line.run("list").code, line.run("verify").code, line.run("run", TINY, "--", "true").code]

    subprocess.run(["mount", "-o", "remount,rw", str(line.folder / "rocmswitch")], check=True)
    assert (outcome.code, looked) == (6, [0, 0, 0])
    assert outcome.error.endswith("is on a file system that is mounted read-only")
    assert "Traceback" not in outcome.err
