"""Downloads from servers that cut, stall, lie, change and repeat themselves; the cache is never wrong."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from rocmswitch.errors import MachineLacks, NetworkFailed, NotFound, RocmswitchError, VerificationFailed
from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.model.package import SIGNED, Artifact, Digest
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from tests.support.server import Fault, Server

HURRY = Patience(connect=2, stall=0.8, attempts=3, pause=0.01, longest_pause=0.02)
SIZE = 300_000
CONTENT = random.Random(1).randbytes(SIZE)
OTHER = random.Random(2).randbytes(SIZE)


class Told(Silent):
    """Progress that remembers."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.bytes = 0
        self.ends = 0
        self.texts: list[str] = []

    def started(self, artifact: Artifact, already: int) -> None:
        self.starts.append(already)
        self.bytes = already

    def advanced(self, artifact: Artifact, count: int) -> None:
        self.bytes += count

    def finished(self, artifact: Artifact) -> None:
        self.ends += 1

    def said(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.deb").write_bytes(CONTENT)
    (folder / "mirror.deb").write_bytes(CONTENT)
    with Server(folder) as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache/sha256", tmp_path / "cache/partial", Disk())


@pytest.fixture
def told() -> Told:
    return Told()


def artifact(*urls: str, content: bytes = CONTENT) -> Artifact:
    digest = Digest.sha256(hashlib.sha256(content).hexdigest())
    return Artifact("a", "1", "a.deb", urls, len(content), digest, SIGNED)


def fetch(cache: Cache, *artifacts: Artifact, told: Told | None = None, jobs: int = 4) -> list[Path]:
    downloads = Downloads(Http(HURRY), cache, jobs=jobs)
    return [path for _, path in downloads.fetch(artifacts, told or Silent())]


def cut_short(server: Server, cache: Cache, at: int, *, url: str = "a.deb") -> None:
    """A first run that ends after *at* bytes."""
    server.misbehave(url, Fault(cut_after=at, times=1), Fault(status=503))
    with pytest.raises(NetworkFailed):
        fetch(cache, artifact(server.url(url)))
    server.behave()
    server.requests.clear()


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


WRONG = hashlib.sha256(OTHER).hexdigest()
RIGHT = hashlib.sha256(CONTENT).hexdigest()


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


def test_one_failure_calls_the_others_off_and_keeps_what_they_have(server: Server, cache: Cache) -> None:
    slow = random.Random(3).randbytes(2_000_000)
    (server.folder / "slow.deb").write_bytes(slow)
    server.misbehave("slow.deb", Fault(bytes_per_second=500_000))
    server.misbehave("a.deb", Fault(bytes_per_second=500_000, cut_after=250_000, times=1), Fault(status=404))
    wanted = artifact(server.url("slow.deb"), content=slow)
    began = time.monotonic()

    with pytest.raises(NotFound):
        fetch(cache, wanted, artifact(server.url("a.deb")))

    assert time.monotonic() - began < 2
    assert cache.partial_path(wanted.digest).stat().st_size > 100_000


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


SCRIPT = """
import sys
from pathlib import Path
from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http
from rocmswitch.model.package import Artifact, Digest
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk

url, value, size, folder = sys.argv[1:]
cache = Cache(Path(folder) / "sha256", Path(folder) / "partial", Disk())
wanted = Artifact("a", "1", "a.deb", (url,), int(size), Digest.sha256(value), "signed")
try:
    for _, path in Downloads(Http(), cache).fetch([wanted], Silent()):
        print(path)
except KeyboardInterrupt:
    sys.exit(130)
"""


def in_a_process(server: Server, folder: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", SCRIPT, server.url("a.deb"), RIGHT, str(SIZE), str(folder)]
    return subprocess.Popen(words, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])})


def wait_for_bytes(path: Path, count: int) -> None:
    deadline = time.monotonic() + 20
    while not (path.exists() and path.stat().st_size >= count):
        assert time.monotonic() < deadline, f"{path} did not grow to {count} bytes"
        time.sleep(0.01)


@pytest.mark.parametrize(
    "fault",
    [Fault(stall_after=100_000, times=1), Fault(bytes_per_second=200_000, times=1)],
    ids=["waiting for a server", "receiving"],
)
def test_ctrl_c_ends_within_a_second_and_keeps_the_bytes(
    server: Server, cache: Cache, tmp_path: Path, fault: Fault
) -> None:
    server.misbehave("a.deb", fault)
    partial = cache.partial_path(artifact().digest)

    with in_a_process(server, tmp_path / "cache") as process:
        wait_for_bytes(partial, 100_000)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
        took = time.monotonic() - began

    assert (code, took < 1, partial.stat().st_size >= 100_000) == (130, True, True)
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
    downloads = Downloads(Http(Patience(stall=60)), cache, jobs=2).fetch(wanted, Silent())
    next(downloads)
    began = time.monotonic()

    downloads.close()

    assert time.monotonic() - began < 1
    assert [thread for thread in threading.enumerate() if "_work" in thread.name] == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_said_and_the_bytes_that_fit_are_kept(server: Server, small_disk: Path) -> None:
    cache = Cache(small_disk / "sha256", small_disk / "partial", Disk())
    wanted = artifact(server.url("a.deb"))

    with pytest.raises(MachineLacks) as caught:
        fetch(cache, wanted)
    kept = cache.partial_path(wanted.digest).stat().st_size
    subprocess.run(["mount", "-o", "remount,size=1m", small_disk], check=True)
    (path,) = fetch(cache, wanted)

    assert (str(caught.value), caught.value.exit_code) == (f"no space is left for `{cache.partial}`", 6)
    assert (path.read_bytes(), kept > 100_000, server.requests[-1].range) == (CONTENT, True, f"bytes={kept}-")


def test_a_read_only_cache_is_said(server: Server, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    cache = Cache(small_disk / "sha256", small_disk / "partial", Disk())

    with pytest.raises(MachineLacks) as caught:
        fetch(cache, artifact(server.url("a.deb")))

    assert str(caught.value) == f"`{small_disk / 'partial'}` is on a file system that is mounted read-only"


def test_archives_on_another_file_system_than_their_partial_files_are_said(
    server: Server, cache: Cache, small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,size=1m", small_disk], check=True)
    cache.archives.parent.mkdir(parents=True)
    cache.archives.symlink_to(small_disk)

    with pytest.raises(MachineLacks, match="must be on the same file system"):
        fetch(cache, artifact(server.url("a.deb")))
