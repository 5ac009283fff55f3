"""The cache on a real disk: what has a name in it is what the name says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from rocmswitch.errors import Busy, VerificationFailed
from rocmswitch.model.package import Digest
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Change, Disk
from tests.support.disk import NotingDisk

CONTENT = b"an archive" * 1000


def digest(content: bytes = CONTENT, algorithm: str = "sha256") -> Digest:
    return Digest(algorithm, hashlib.new(algorithm, content).hexdigest())


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache/sha256", tmp_path / "cache/partial", Disk())


def arrived(cache: Cache, content: bytes = CONTENT) -> Digest:
    """A partial file that is whole."""
    cache.partial_path(digest(content)).write_bytes(content)
    return digest(content)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_added_file_is_found_by_its_hash_and_size(cache: Cache, tmp_path: Path, algorithm: str) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    wanted = digest(CONTENT, algorithm)

    path = cache.add(tmp_path / "file", wanted)

    assert (cache.find(wanted, len(CONTENT)), path.read_bytes(), path.name) == (path, CONTENT, wanted.value)


def test_a_file_with_another_hash_is_not_added(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"other")

    with pytest.raises(VerificationFailed) as caught:
        cache.add(tmp_path / "file", digest())

    assert str(caught.value) == f"`{tmp_path / 'file'}` has the hash {digest(b'other')}, not {digest()}"
    assert (cache.find(digest(), len(CONTENT)), cache.files()) == (None, ())


def test_an_empty_cache_has_nothing_and_makes_no_folder(cache: Cache) -> None:
    found = (cache.find(digest(), 5), cache.verify(digest(), 5), cache.files(), cache.size(), cache.prune(()))

    assert (found, cache.archives.parent.exists()) == ((None, None, (), 0, ()), False)


def test_a_file_of_another_size_is_not_found(cache: Cache) -> None:
    path = cache.adopt(arrived(cache))
    path.write_bytes(CONTENT[:-1])

    assert cache.find(digest(), len(CONTENT)) is None


def test_a_symlink_under_the_name_is_not_found(cache: Cache, tmp_path: Path) -> None:
    path = cache.adopt(arrived(cache))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")

    assert (cache.find(digest(), len(CONTENT)), cache.verify(digest(), len(CONTENT))) == (None, None)


def test_a_file_that_rotted_is_removed_when_it_is_verified(cache: Cache) -> None:
    path = cache.adopt(arrived(cache))
    path.write_bytes(b"X" + CONTENT[1:])

    assert (cache.verify(digest(), len(CONTENT)), path.exists()) == (None, False)


def test_a_verified_file_stays(cache: Cache) -> None:
    path = cache.adopt(arrived(cache))

    assert (cache.verify(digest(), len(CONTENT)), path.exists()) == (path, True)


def test_the_bytes_reach_the_disk_before_the_name_is_given(tmp_path: Path) -> None:
    disk = NotingDisk()
    cache = Cache(tmp_path / "sha256", tmp_path / "partial", disk)
    cache.archives.mkdir()
    arrived(cache)
    disk.changes.clear()

    path = cache.adopt(digest())
    cache.settle()

    partial = cache.partial_path(digest())
    assert disk.changes == [
        Change("sync_file", partial),
        Change("rename", partial, str(path)),
        Change("sync_directory", tmp_path / "sha256"),
    ]


def test_a_lock_keeps_others_from_the_partial_file(cache: Cache) -> None:
    with cache.locked(digest(), wait=0), pytest.raises(Busy, match="is working on the download"):
        cache.locked(digest(), wait=0.1).__enter__()


def test_pruning_keeps_what_is_named_and_what_is_being_fetched(cache: Cache) -> None:
    kept, dropped = cache.adopt(arrived(cache, b"kept")), cache.adopt(arrived(cache, b"dropped"))
    left_over, busy = arrived(cache, b"left over"), arrived(cache, b"busy")

    with cache.locked(busy, wait=0):
        planned = cache.prune({kept.name}, dry_run=True)
        untouched = cache.size()
        removed = cache.prune({kept.name})

    assert {one.name for one in planned} == {dropped.name, left_over.value, busy.value}
    assert untouched == len(b"kept" + b"dropped" + b"left over" + b"busy")
    assert {one.name for one in removed} == {dropped.name, left_over.value}
    assert {one.stem for one in cache.partial.iterdir()} == {busy.value}
    assert {one.name: one.partial for one in cache.files()} == {kept.name: False, busy.value: True}


def test_a_download_that_was_adopted_or_abandoned_leaves_only_its_lock_until_pruned(cache: Cache) -> None:
    for content in (b"adopted", b"abandoned"):
        arrived(cache, content)
        cache.origin_path(digest(content)).write_text("url\nvalidator\n")

    with cache.locked(digest(b"adopted"), wait=0):
        path = cache.adopt(digest(b"adopted"))
    with cache.locked(digest(b"abandoned"), wait=0):
        cache.abandon(digest(b"abandoned"))
    left = {one.suffix for one in cache.partial.iterdir()}
    cache.prune({path.name})

    assert (left, list(cache.partial.iterdir()), path.exists()) == ({".lock"}, [], True)
