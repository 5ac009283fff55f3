"""Downloads from servers that stall, lie, change and repeat themselves; the cache is never wrong."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from rocmswitch.errors import NetworkFailed, NotFound, RocmswitchError, VerificationFailed
from rocmswitch.store.cache import Cache
from tests.support.downloads import CONTENT, OTHER, RIGHT, WRONG, Told, artifact, cut_short, fetch
from tests.support.server import Fault, Server


def test_a_stall_ends_the_attempt_and_the_next_one_goes_on(server: Server, cache: Cache) -> None:
    server.misbehave("a.deb", Fault(stall_after=50_000, times=1))

    (path,) = fetch(cache, artifact(server.url("a.deb")))

    assert (path.read_bytes(), server.requests[-1].range) == (CONTENT, "bytes=50000-")


@pytest.mark.parametrize(
    "fault",
    [Fault(status=404), Fault(status=503), Fault(content=OTHER), Fault(content=CONTENT[:-1]), Fault(endless=True)],
    ids=["404", "503", "wrong", "short", "endless"],
)
def test_the_next_mirror_steps_in(server: Server, cache: Cache, told: Told, fault: Fault) -> None:
    server.misbehave("a.deb", fault)

    (path,) = fetch(cache, artifact(server.url("a.deb"), server.url("mirror.deb")), told=told)

    assert (path.read_bytes(), told.texts[0].endswith("trying the next mirror")) == (CONTENT, True)
    assert server.url("a.deb") in told.texts[0]


def test_a_mirror_that_continues_a_wrong_file_gets_a_second_chance(
    server: Server, cache: Cache, told: Told
) -> None:
    server.misbehave("a.deb", Fault(content=OTHER, cut_after=100_000, times=1), Fault(status=404))

    (path,) = fetch(cache, artifact(server.url("a.deb"), server.url("mirror.deb")), told=told)

    assert (path.read_bytes(), [one.range for one in server.asked("mirror.deb")]) == (
        CONTENT,
        ["bytes=100000-", ""],
    )


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (
            Fault(content=OTHER),
            VerificationFailed,
            f"URL has the sha256 hash `{WRONG}`, not `{RIGHT}` as it must have",
        ),
        (
            Fault(content=CONTENT[:-5]),
            VerificationFailed,
            "URL has 299995 bytes where its index says 300000 bytes: the server seems to be between two states",
        ),
        (
            Fault(endless=True),
            VerificationFailed,
            "URL goes on where its index says 300000 bytes: the server seems to be between two states",
        ),
        (
            Fault(content=CONTENT[:-5], no_length=True),
            NetworkFailed,
            f"URL is shorter than expected: the server answered 416 {HTTPStatus(416).phrase}",
        ),
        (Fault(status=404), NotFound, "URL is not there: the server answered 404 Not Found"),
        (
            Fault(status=500),
            NetworkFailed,
            "URL could not be fetched: the server answered 500 Internal Server Error",
        ),
        (Fault(stall_after=10), NetworkFailed, "URL sent nothing for 0.8 seconds"),
    ],
    ids=["hash", "short", "endless", "short without a length", "404", "500", "stall"],
)
def test_what_stays_wrong_names_the_mirror_and_gives_nothing_a_name(
    server: Server, cache: Cache, fault: Fault, kind: type[RocmswitchError], message: str
) -> None:
    server.misbehave("a.deb", fault)

    with pytest.raises(kind) as caught:
        fetch(cache, artifact(server.url("a.deb")))

    assert str(caught.value) == message.replace("URL", f"`{server.url('a.deb')}`")
    assert not cache.archives.exists()


def test_wrong_bytes_leave_nothing_behind(server: Server, cache: Cache) -> None:
    server.misbehave("a.deb", Fault(content=OTHER))

    with pytest.raises(VerificationFailed):
        fetch(cache, artifact(server.url("a.deb")))

    assert cache.files() == ()


def test_a_server_between_two_states_costs_no_good_bytes(server: Server, cache: Cache) -> None:
    cut_short(server, cache, 120_000)
    server.misbehave("a.deb", Fault(content=CONTENT + b"new", times=1))

    with pytest.raises(VerificationFailed) as caught:
        fetch(cache, artifact(server.url("a.deb")))
    fetch(cache, artifact(server.url("a.deb")))

    assert (caught.value.hint or "").startswith("try again later")
    assert server.requests[-1].range == "bytes=120000-"


def test_of_several_failing_mirrors_the_gravest_error_is_told(server: Server, cache: Cache) -> None:
    server.misbehave("a.deb", Fault(content=OTHER))
    urls = [server.url(name) for name in ("nowhere.deb", "a.deb", "nowhere.deb")]

    with pytest.raises(VerificationFailed, match=urls[1]):
        fetch(cache, artifact(*urls))
