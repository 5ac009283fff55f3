"""Ordinary downloads, and those that go on where an earlier one broke off."""

from __future__ import annotations

import random

import pytest

from rocmswitch.errors import NetworkFailed
from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http
from rocmswitch.store.cache import Cache
from tests.support.downloads import CONTENT, HURRY, OTHER, SIZE, Told, artifact, cut_short, fetch
from tests.support.server import Fault, Server


@pytest.mark.parametrize("jobs", [0, 1, 4])
def test_many_files_arrive_whole_and_named_by_their_hash(
    server: Server, cache: Cache, told: Told, jobs: int
) -> None:
    contents = [random.Random(seed).randbytes(seed * 1000) for seed in range(1, 20)]
    for number, content in enumerate(contents):
        (server.folder / f"{number}.deb").write_bytes(content)
    wanted = [artifact(server.url(f"{number}.deb"), content=one) for number, one in enumerate(contents)]

    paths = fetch(cache, *wanted, told=told, jobs=jobs)

    assert sorted(path.read_bytes() for path in paths) == sorted(contents)
    assert (told.ends, len(cache.files())) == (len(contents), len(contents))


def test_what_is_cached_comes_first_and_asks_no_server(server: Server, cache: Cache) -> None:
    (server.folder / "b.deb").write_bytes(OTHER)
    cached, missing = artifact(server.url("a.deb")), artifact(server.url("b.deb"), content=OTHER)
    fetch(cache, cached)
    server.requests.clear()

    order = [one for one, _ in Downloads(Http(HURRY), cache, jobs=1).fetch([missing, cached], Silent())]

    assert (order, server.asked("a.deb")) == ([cached, missing], [])


def test_a_cached_file_that_rotted_is_fetched_again(server: Server, cache: Cache) -> None:
    (path,) = fetch(cache, artifact(server.url("a.deb")))
    path.write_bytes(OTHER)

    assert [one.read_bytes() for one in fetch(cache, artifact(server.url("a.deb")))] == [CONTENT]


def test_a_cut_connection_is_continued_where_it_broke(server: Server, cache: Cache, told: Told) -> None:
    server.misbehave("a.deb", Fault(cut_after=100_000, times=2))

    (path,) = fetch(cache, artifact(server.url("a.deb")), told=told)

    assert [one.range for one in server.requests] == ["", "bytes=100000-", "bytes=200000-"]
    assert (path.read_bytes(), told.starts, told.bytes) == (CONTENT, [0], SIZE)


def test_attempts_are_counted_only_while_nothing_more_arrives(server: Server, cache: Cache) -> None:
    server.misbehave("a.deb", Fault(cut_after=20_000))

    (path,) = fetch(cache, artifact(server.url("a.deb")))

    assert (path.read_bytes(), len(server.requests)) == (CONTENT, SIZE // 20_000)


def test_the_next_run_goes_on_where_the_last_one_stopped(server: Server, cache: Cache, told: Told) -> None:
    cut_short(server, cache, 120_000)

    (path,) = fetch(cache, artifact(server.url("a.deb")), told=told)

    asked = server.requests[0].headers
    assert (path.read_bytes(), asked["Range"], told.starts) == (CONTENT, "bytes=120000-", [120_000])
    assert asked["If-Range"].startswith('"')


def test_another_mirror_goes_on_with_the_partial_file(server: Server, cache: Cache) -> None:
    cut_short(server, cache, 120_000)

    (path,) = fetch(cache, artifact(server.url("mirror.deb")))

    asked = server.requests[0].headers
    assert (path.read_bytes(), asked["Range"], "If-Range" in asked) == (CONTENT, "bytes=120000-", False)


def test_a_partial_file_that_is_whole_already_asks_no_server(server: Server, cache: Cache) -> None:
    wanted = artifact(server.url("a.deb"))
    cache.partial_path(wanted.digest).write_bytes(CONTENT)

    assert ([one.read_bytes() for one in fetch(cache, wanted)], server.requests) == ([CONTENT], [])


@pytest.mark.parametrize(
    "rubbish", [b"x" * 1000, OTHER, CONTENT + b"x", b"\0" * SIZE], ids=["start", "whole", "longer", "zeros"]
)
def test_rubbish_in_a_partial_file_costs_a_download_and_nothing_else(
    server: Server, cache: Cache, rubbish: bytes
) -> None:
    wanted = artifact(server.url("a.deb"))
    cache.partial_path(wanted.digest).write_bytes(rubbish)

    assert [one.read_bytes() for one in fetch(cache, wanted)] == [CONTENT]


@pytest.mark.parametrize(
    "fault", [Fault(ignore_range=True), Fault(changing_validators=True)], ids=["no ranges", "replaced"]
)
def test_a_server_that_sends_the_whole_file_again_starts_over(
    server: Server, cache: Cache, told: Told, fault: Fault
) -> None:
    cut_short(server, cache, 120_000)
    server.misbehave("a.deb", fault)

    (path,) = fetch(cache, artifact(server.url("a.deb")), told=told)

    assert (path.read_bytes(), told.starts, told.bytes) == (CONTENT, [120_000, 0], SIZE)


def test_a_file_that_is_replaced_and_cut_for_ever_is_given_up(server: Server, cache: Cache) -> None:
    server.misbehave("a.deb", Fault(changing_validators=True, cut_after=120_000))

    with pytest.raises(NetworkFailed, match="broke off"):
        fetch(cache, artifact(server.url("a.deb")))

    assert len(server.requests) == HURRY.attempts + 1
