"""Downloads that are called off, interrupted, killed, or run into a full disk: what has arrived stays."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rocmswitch.errors import MachineLacks, NotFound
from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from tests.support.downloads import (
    CONTENT,
    OTHER,
    PATIENT,
    SIZE,
    Told,
    artifact,
    fetch,
    in_a_process,
    wait_for_bytes,
)
from tests.support.filesystems import small_disk
from tests.support.server import Fault, Server

HANG = 30
"""Seconds after which what should have ended hangs."""


def test_one_failure_calls_the_others_off_and_keeps_what_they_have(server: Server, cache: Cache) -> None:
    slow = random.Random(3).randbytes(2_000_000)
    (server.folder / "slow.deb").write_bytes(slow)
    server.misbehave("slow.deb", Fault(stall_after=200_000))
    server.misbehave("a.deb", Fault(bytes_per_second=500_000, cut_after=250_000, times=1), Fault(status=404))
    wanted = [artifact(server.url("slow.deb"), content=slow), artifact(server.url("a.deb"))]
    downloads = Downloads(Http(PATIENT), cache).fetch(wanted, Silent())

    with pytest.raises(NotFound):
        ThreadPoolExecutor().submit(list, downloads).result(HANG)

    assert [cache.partial_path(one.digest).stat().st_size for one in wanted] == [200_000, 250_000]
    assert len(server.asked("slow.deb")) == 1


def test_two_that_want_one_file_download_it_once(server: Server, cache: Cache) -> None:
    server.misbehave("a.deb", Fault(bytes_per_second=400_000))
    texts = [Told(), Told()]
    found: list[list[Path]] = []
    threads = [
        threading.Thread(target=lambda one=one: found.append(fetch(cache, artifact(server.url("a.deb")), told=one)))
        for one in texts
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ([[path.read_bytes() for path in one] for one in found], len(server.requests)) == ([[CONTENT]] * 2, 1)
    assert [len(one.texts) for one in texts].count(1) == 1


@pytest.mark.parametrize(
    "fault",
    [Fault(stall_after=100_000, times=1), Fault(bytes_per_second=100_000, times=1)],
    ids=["waiting for a server", "receiving"],
)
def test_ctrl_c_ends_it_before_the_rest_has_come_and_keeps_the_bytes(
    server: Server, cache: Cache, tmp_path: Path, fault: Fault
) -> None:
    server.misbehave("a.deb", fault)
    partial = cache.partial_path(artifact().digest)

    with in_a_process(server, tmp_path / "cache") as process:
        wait_for_bytes(partial, 100_000)
        process.send_signal(signal.SIGINT)
        code = process.wait(HANG)

    assert (code, 100_000 <= partial.stat().st_size < SIZE, len(server.requests)) == (130, True, 1)
    assert [one.read_bytes() for one in fetch(cache, artifact(server.url("a.deb")))] == [CONTENT]
    assert server.requests[-1].range.startswith("bytes=1")


def test_a_killed_download_is_continued_and_frees_its_lock(server: Server, cache: Cache, tmp_path: Path) -> None:
    server.misbehave("a.deb", Fault(stall_after=100_000, times=1))

    with in_a_process(server, tmp_path / "cache") as process:
        wait_for_bytes(cache.partial_path(artifact().digest), 100_000)
        process.kill()

    assert [one.read_bytes() for one in fetch(cache, artifact(server.url("a.deb")))] == [CONTENT]
    assert server.requests[-1].range == "bytes=100000-"


def test_closing_the_iterator_calls_the_rest_off(server: Server, cache: Cache) -> None:
    (server.folder / "b.deb").write_bytes(OTHER)
    server.misbehave("b.deb", Fault(stall_after=100_000))
    wanted = [artifact(server.url("a.deb")), artifact(server.url("b.deb"), content=OTHER)]
    downloads = Downloads(Http(PATIENT), cache, jobs=2).fetch(wanted, Silent())
    next(downloads)
    partial = cache.partial_path(wanted[1].digest)
    wait_for_bytes(partial, 100_000)
    working = [thread for thread in threading.enumerate() if "_work" in thread.name]

    ThreadPoolExecutor().submit(downloads.close).result(HANG)

    for thread in working:
        thread.join(HANG)
    assert [thread for thread in working if thread.is_alive()] == []
    assert (partial.stat().st_size, len(server.asked("b.deb"))) == (100_000, 1)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", 200 << 10) as folder:
        yield folder


def test_a_full_disk_is_said_and_the_bytes_that_fit_are_kept(server: Server, small: Path) -> None:
    cache = Cache(small / "sha256", small / "partial", Disk())
    wanted = artifact(server.url("a.deb"))

    with pytest.raises(MachineLacks) as caught:
        fetch(cache, wanted)
    kept = cache.partial_path(wanted.digest).stat().st_size
    subprocess.run(["mount", "-o", "remount,size=1m", small], check=True)
    (path,) = fetch(cache, wanted)

    assert (str(caught.value), caught.value.exit_code) == (f"no space is left for `{cache.partial}`", 6)
    assert (path.read_bytes(), kept > 100_000, server.requests[-1].range) == (CONTENT, True, f"bytes={kept}-")


def test_a_read_only_cache_is_said(server: Server, small: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    cache = Cache(small / "sha256", small / "partial", Disk())

    with pytest.raises(MachineLacks) as caught:
        fetch(cache, artifact(server.url("a.deb")))

    assert str(caught.value) == f"`{small / 'partial'}` is on a file system that is mounted read-only"


def test_archives_on_another_file_system_than_their_partial_files_are_said(
    server: Server, cache: Cache, small: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,size=1m", small], check=True)
    cache.archives.parent.mkdir(parents=True)
    cache.archives.symlink_to(small)

    with pytest.raises(MachineLacks, match="must be on the same file system"):
        fetch(cache, artifact(server.url("a.deb")))
