"""Downloads that lose power: whatever is left, no archive is wrong under its name, and the next run succeeds."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.model.package import SIGNED, Artifact, Digest
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut, RecordingDisk
from tests.support.power import states
from tests.support.server import Fault, Server

CONTENTS = tuple(random.Random(seed).randbytes(70_000 + seed) for seed in range(2))
HURRY = Patience(attempts=2, pause=0.001, longest_pause=0.002)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    for number, content in enumerate(CONTENTS):
        (folder / str(number)).write_bytes(content)
    with Server(folder) as server:
        yield server


def wanted(server: Server) -> tuple[Artifact, ...]:
    return tuple(
        Artifact(
            str(number), "1", str(number), (server.url(str(number)),), len(content), digest_of(content), SIGNED
        )
        for number, content in enumerate(CONTENTS)
    )


def digest_of(content: bytes) -> Digest:
    return Digest.sha256(hashlib.sha256(content).hexdigest())


def cache_in(folder: Path, disk: Disk) -> Cache:
    return Cache(folder / "sha256", folder / "partial", disk)


def fetch(cache: Cache, artifacts: tuple[Artifact, ...]) -> list[bytes]:
    """By name; in this thread, so that a cut is always at the same place."""
    fetched = Downloads(Http(HURRY), cache, jobs=0).fetch(artifacts, Silent())
    return [content for _, content in sorted((one.name, path.read_bytes()) for one, path in fetched)]


def assert_no_name_is_wrong(cache: Cache) -> None:
    for one in cache.files():
        assert one.partial or hashlib.sha256(one.path.read_bytes()).hexdigest() == one.name


def test_a_cut_before_any_change_of_the_disk_is_survived(server: Server, tmp_path: Path) -> None:
    artifacts = wanted(server)
    for at in itertools.count():
        folder = tmp_path / str(at)
        folder.mkdir()
        server.misbehave("1", Fault(cut_after=30_000, times=1))
        disk = CuttingDisk(at)
        with contextlib.suppress(PowerCut):
            fetch(cache_in(folder, disk), artifacts)
        after = cache_in(folder, HastyDisk())
        assert_no_name_is_wrong(after)
        assert fetch(after, artifacts) == list(CONTENTS)
        if not disk.is_cut:
            break

    assert at > 10, "no change of the disk was seen: the test shows nothing"


def test_every_state_that_a_cut_may_leave_has_only_right_names(server: Server, tmp_path: Path) -> None:
    artifacts = wanted(server)[:1]
    data = tmp_path / "data"
    data.mkdir()
    recorded = RecordingDisk(data)
    fetch(cache_in(data, recorded), artifacts)
    outcomes = {True: 0, False: 0}

    for number, state in enumerate(states(recorded)):
        folder = tmp_path / f"state-{number}"
        state.lay_out(folder)
        cache = cache_in(folder, HastyDisk())
        assert_no_name_is_wrong(cache)
        found = cache.find(artifacts[0].digest, artifacts[0].size) is not None
        assert found or not state.finished
        assert fetch(cache, artifacts) == [CONTENTS[0]]
        outcomes[found] += 1

    assert all(outcomes.values()), outcomes


def test_without_the_sync_of_the_bytes_a_name_would_be_wrong(server: Server, tmp_path: Path) -> None:
    artifacts = wanted(server)[:1]
    data = tmp_path / "data"
    data.mkdir()
    (data / "sha256").mkdir()
    (data / "partial").mkdir()
    recorded = RecordingDisk(data, without=0)
    fetch(cache_in(data, recorded), artifacts)
    assert recorded.syncs[0].kind == "sync_file"
    wrong = 0

    for number, state in enumerate(states(recorded)):
        folder = tmp_path / f"state-{number}"
        state.lay_out(folder)
        files = cache_in(folder, HastyDisk()).files()
        wrong += any(not one.partial and one.path.read_bytes() != CONTENTS[0] for one in files)
        assert fetch(cache_in(folder, HastyDisk()), artifacts) == [CONTENTS[0]], "hashing at use is the second net"

    assert wrong > 0
