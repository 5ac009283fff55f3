"""Eight processes that deploy into one environment at once: one after the other, and all can be taken back."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.model.deployment import Generation
from rocmswitch.system.disk import Disk
from tests.support.disk import remove_folder
from tests.support.patched import patched
from tests.support.pytorchwheels import bundled
from tests.support.running import Ended, Running
from tests.support.sharedenvironments import Found, SharedEnvironments
from tests.support.torchenvironment import RPATH

CROWD = 8
AGAIN = "run the same command again"


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[SharedEnvironments]:
    yield SharedEnvironments.made(tmp_path / "account")
    remove_folder(tmp_path / "account")


def built(shared: SharedEnvironments, file: str, value: int) -> str:
    """A patched *file* that is unlike all with another *value*."""
    path = shared.line.folder / f"built {value}" / file
    path.parent.mkdir()
    path.write_bytes(patched(file, value=value))
    return str(path)


def deploy_at_once(shared: SharedEnvironments, files: list[str]) -> int:
    """Each of *files* by a process of its own; who was told to run the same again does so. How often that was."""
    told = 0
    while files:
        running = {
            file: Running.start(shared.line, "deploy", file, "--into", str(shared.first), "--yes") for file in files
        }
        ended = {file: one.finish() for file, one in running.items()}
        files = [file for file, one in ended.items() if was_told_to_repeat(one)]
        told += len(files)
    return told


def was_told_to_repeat(ended: Ended) -> bool:
    assert ended.code == 0 or (ended.code in (1, 5) and AGAIN in ended.err), ended
    return ended.code != 0


def generations(shared: SharedEnvironments) -> tuple[Generation, ...]:
    return Ledger(shared.line.layout, Disk()).generations()


def files_of(shared: SharedEnvironments) -> Found:
    """What there is, without the notes of `Running`."""
    return {path: one for path, one in shared.files().items() if not path.startswith("marks-")}


def undo_all(shared: SharedEnvironments, count: int) -> None:
    for _ in range(count):
        shared.line.succeed("undo", "--yes")


def test_eight_that_put_the_same_library_come_one_after_the_other(shared: SharedEnvironments) -> None:
    files = [built(shared, "libMIOpen.so", 9001 + number) for number in range(CROWD)]
    before = files_of(shared)

    deploy_at_once(shared, list(files))

    made = generations(shared)
    wanted = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files]
    placed = [step.after.sha256 for one in made for step in one.steps]
    stood = [step.before.sha256 for one in made for step in one.steps]
    assert sorted(placed) == sorted(wanted)
    assert stood == [before[str(shared.targets[0].relative_to(shared.line.folder))][3], *placed[:-1]]
    assert hashlib.sha256(shared.targets[0].read_bytes()).hexdigest() == placed[-1]
    undo_all(shared, CROWD)
    assert files_of(shared) == before


def test_eight_that_put_different_libraries_lose_none(shared: SharedEnvironments) -> None:
    names = [one.file for one in bundled(RPATH)]
    files = [built(shared, names[number % len(names)], 9001 + number) for number in range(CROWD)]
    before = files_of(shared)

    deploy_at_once(shared, list(files))

    made = generations(shared)
    assert sorted(step.source for one in made for step in one.steps) == sorted(files)
    last = {step.path: step.after.sha256 for one in made for step in one.steps}
    root = {step.path: Path(step.root) for one in made for step in one.steps}
    assert {path: hashlib.sha256((root[path] / path).read_bytes()).hexdigest() for path in last} == last
    undo_all(shared, CROWD)
    assert files_of(shared) == before


def test_who_is_killed_among_others_takes_nothing_of_theirs_along(shared: SharedEnvironments) -> None:
    files = [built(shared, "libMIOpen.so", 9001 + number) for number in range(2)]
    deploying = [("deploy", file, "--into", str(shared.first), "--yes") for file in files]
    before = files_of(shared)
    slow = Running.start(shared.line, *deploying[0], slow_from="rename_in ")
    slow.wait_until_slow()
    waiting = Running.start(shared.line, *deploying[1])

    slow.end(signal.SIGKILL)

    if was_told_to_repeat(waiting.finish()):
        shared.line.succeed(*deploying[1])
    assert [step.source for one in generations(shared) for step in one.steps] == [files[1]]
    assert shared.targets[0].read_bytes() == Path(files[1]).read_bytes()
    undo_all(shared, 1)
    assert files_of(shared) == before
