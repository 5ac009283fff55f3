"""Files whose hash nobody states: taken while they arrive, then required."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.errors import NetworkFailed, VerificationFailed
from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http
from rocmswitch.model.package import FIRST_USE, Artifact, Digest, Unhashed
from rocmswitch.store.cache import Cache
from rocmswitch.store.firstuse import FirstUse
from rocmswitch.system.disk import Disk
from tests.support.downloads import CONTENT, HURRY, OTHER, RIGHT, SIZE
from tests.support.server import Fault, Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.whl").write_bytes(CONTENT)
    with Server(folder) as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "sha256", tmp_path / "partial", Disk())


@pytest.fixture
def seen(tmp_path: Path) -> FirstUse:
    return FirstUse(tmp_path / "seen", Disk())


def learn(server: Server, cache: Cache, seen: FirstUse, *, size: int = SIZE) -> list[Artifact]:
    wanted = Unhashed("a", "1", "a.whl", server.url("a.whl"), size)
    return list(Downloads(Http(HURRY), cache).learn([wanted], seen, Silent()))


def test_the_hash_is_taken_recorded_and_names_the_file_in_the_cache(
    server: Server, cache: Cache, seen: FirstUse
) -> None:
    (learned,) = learn(server, cache, seen)

    assert (learned.digest, learned.verification) == (Digest.sha256(RIGHT), "first-use")
    assert (cache.archives / RIGHT).read_bytes() == CONTENT
    assert seen.known(server.url("a.whl")) == Digest.sha256(RIGHT)
    assert not [path for path in cache.partial.iterdir() if path.suffix != ".lock"]


def test_another_file_at_the_same_address_is_refused_later(server: Server, cache: Cache, seen: FirstUse) -> None:
    learn(server, cache, seen)
    (cache.archives / RIGHT).unlink()
    (server.folder / "a.whl").write_bytes(OTHER)

    with pytest.raises(VerificationFailed) as caught:
        learn(server, cache, seen)

    assert hashlib.sha256(OTHER).hexdigest() in caught.value.message
    assert list(cache.archives.iterdir()) == []


def test_an_index_that_states_another_hash_than_at_first_use_is_not_believed(
    server: Server, cache: Cache, seen: FirstUse
) -> None:
    learn(server, cache, seen)

    with pytest.raises(VerificationFailed):
        seen.check(server.url("a.whl"), Digest.sha256("0" * 64))
    seen.check(server.url("other.whl"), Digest.sha256("0" * 64))


def test_what_another_scope_has_seen_counts_and_is_not_written_there(tmp_path: Path, seen: FirstUse) -> None:
    seen.saw("https://example.org/a.whl", Digest.sha256(RIGHT))
    person = FirstUse(tmp_path / "person", Disk(), (tmp_path / "seen", tmp_path / "nowhere"))

    with pytest.raises(VerificationFailed):
        person.check("https://example.org/a.whl", Digest.sha256("0" * 64))
    person.saw("https://example.org/b.whl", Digest.sha256(RIGHT))

    assert person.known("https://example.org/a.whl") == Digest.sha256(RIGHT)
    assert seen.known("https://example.org/b.whl") is None


def test_a_download_that_broke_off_goes_on_where_the_server_vouches_for_the_rest(
    server: Server, cache: Cache, seen: FirstUse
) -> None:
    server.misbehave("a.whl", Fault(cut_after=100_000, times=1), Fault(status=503))
    with pytest.raises(NetworkFailed):
        learn(server, cache, seen)
    server.behave()
    server.requests.clear()

    (learned,) = learn(server, cache, seen)

    assert learned.digest.value == RIGHT
    assert server.requests[0].range == "bytes=100000-"
    assert "If-Range" in server.requests[0].headers


def test_bytes_of_two_files_are_never_put_together(server: Server, cache: Cache, seen: FirstUse) -> None:
    server.misbehave("a.whl", Fault(cut_after=100_000, times=1), Fault(status=503))
    with pytest.raises(NetworkFailed):
        learn(server, cache, seen)
    server.behave()
    (server.folder / "a.whl").write_bytes(OTHER)

    (learned,) = learn(server, cache, seen)

    assert learned.digest.value == hashlib.sha256(OTHER).hexdigest()


def test_without_a_validator_a_broken_download_begins_anew(server: Server, cache: Cache, seen: FirstUse) -> None:
    server.misbehave("a.whl", Fault(cut_after=100_000, no_validators=True, times=1), Fault(no_validators=True))

    (learned,) = learn(server, cache, seen)

    assert learned.digest.value == RIGHT
    assert [one.range for one in server.requests] == ["", ""]


@pytest.mark.parametrize("size", (SIZE - 1, SIZE + 1))
def test_a_file_of_another_size_than_was_announced_is_refused(
    size: int, server: Server, cache: Cache, seen: FirstUse
) -> None:
    with pytest.raises(VerificationFailed):
        learn(server, cache, seen, size=size)

    assert seen.known(server.url("a.whl")) is None


def test_a_record_does_not_hold_a_password_and_counts_for_whoever_asks(seen: FirstUse) -> None:
    seen.saw("https://me:secret@one.example/a.whl?token=1#sha256=2", Digest.sha256(RIGHT))

    assert seen.known("https://one.example/a.whl") == Digest.sha256(RIGHT)


def test_a_garbled_record_trusts_nothing(seen: FirstUse, tmp_path: Path) -> None:
    seen.saw("https://one.example/a.whl", Digest.sha256(RIGHT))
    (record,) = (tmp_path / "seen").iterdir()
    record.chmod(0o644)
    record.write_text("{}")

    with pytest.raises(VerificationFailed):
        seen.known("https://one.example/a.whl")


def test_a_file_of_this_machine_goes_through_the_cache_by_its_hash(cache: Cache, tmp_path: Path) -> None:
    wheel = tmp_path / "my wheels/a b.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(CONTENT)
    right = Artifact("a", "1", "a.whl", (wheel.as_uri(),), SIZE, Digest.sha256(RIGHT), "first-use")
    downloads = Downloads(Http(HURRY), cache)

    ((_, path),) = downloads.fetch([right], Silent())
    wheel.write_bytes(OTHER)
    path.unlink()

    assert path == cache.archives / RIGHT
    with pytest.raises(VerificationFailed):
        list(downloads.fetch([right], Silent()))


@pytest.mark.parametrize(
    "given", (False, True), ids=("before the file has its name", "before its origin is forgotten")
)
def test_what_was_learned_when_a_run_was_killed_is_not_fetched_again(
    server: Server, cache: Cache, seen: FirstUse, given: bool
) -> None:
    address = server.url("a.whl")
    name = Digest.sha256(hashlib.sha256(address.encode()).hexdigest())
    seen.saw(address, Digest.sha256(RIGHT))
    for place in (cache.partial, cache.archives):
        place.mkdir()
    (cache.archives / RIGHT if given else cache.partial_path(name)).write_bytes(CONTENT)
    cache.origin_path(name).write_text(f"{address}\n\n")

    wanted = Artifact("a", "1", "a.whl", (address,), SIZE, Digest.sha256(RIGHT), FIRST_USE)
    ((_, path),) = Downloads(Http(HURRY), cache).fetch([wanted], Silent())

    assert path.read_bytes() == CONTENT
    assert server.requests == []
    assert not [path for path in cache.partial.iterdir() if path.suffix != ".lock"]
