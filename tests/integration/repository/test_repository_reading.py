"""What a real, signed repository offers, and what is refused of its Packages files."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from rocmswitch.errors import (
    NetworkFailed,
    NotFound,
)
from rocmswitch.fetch.compressed import HalfSynchronised
from rocmswitch.fetch.http import Http
from tests.support.aptrepository import Publication
from tests.support.server import Fault
from tests.support.site import HURRY, NOW, Site, kept_files, refused


def test_a_repository_offers_its_packages_with_where_to_fetch_them(site: Site) -> None:
    opened = site.open()

    ((index, priority),) = opened.indexes
    (hip,) = index.candidates("hip")
    (url,) = opened.urls(hip)
    content = Http(HURRY).read(url, limit=hip.size)
    assert (priority, str(hip), hashlib.sha256(content).hexdigest()) == (500, "hip 5.2-1", hip.digest.value)
    assert opened.warnings == ()


def test_the_index_that_was_used_is_recorded(site: Site) -> None:
    date = NOW - timedelta(days=3)
    site.repository.publish(Publication(date=date))

    (record,) = site.open().records

    assert (record.url, record.suite, record.date, record.fingerprint, record.sha256, record.expired) == (
        site.server.url("apt"),
        "jammy",
        date.strftime("%Y-%m-%dT%H:%M:%SZ"),
        site.repository.key.fingerprint,
        hashlib.sha256(site.repository.packages_text()).hexdigest(),
        False,
    )


@pytest.mark.parametrize("compression", ["", "gz", "xz", "zst"])
@pytest.mark.parametrize("by_hash", [False, True])
def test_every_compression_is_read_by_name_and_by_hash(site: Site, compression: str, by_hash: bool) -> None:
    site.repository.publish(Publication(compressions=(compression,), by_hash=by_hash))

    assert site.versions() == ["5.2-1"]
    assert any("/by-hash/SHA256/" in one.path for one in site.server.requests) is by_hash


def test_the_smallest_form_is_fetched_first(site: Site) -> None:
    for number in range(100):
        site.repository.add_stanza(f"Package: filler{number}\nVersion: 1\nArchitecture: amd64\n")
    site.repository.publish(Publication(compressions=("", "gz", "xz", "zst")))

    site.open()

    asked = [one.path.rpartition("/")[2] for one in site.server.requests if "Packages" in one.path]
    folder = site.repository.dists / "main/binary-amd64"
    assert asked == [min(folder.glob("Packages*"), key=lambda path: path.stat().st_size).name]


def test_a_mirror_without_its_by_hash_folders_still_serves(site: Site) -> None:
    site.repository.publish(Publication(by_hash=True))
    for path in site.repository.dists.rglob("by-hash/SHA256/*"):
        path.unlink()

    assert site.versions() == ["5.2-1"]


def test_a_detached_signature_is_read_where_there_is_no_inline_one(site: Site) -> None:
    site.repository.publish(Publication(inline=False, detached=True))

    assert site.versions() == ["5.2-1"]


@pytest.mark.parametrize("checksums", [("MD5Sum",), ("SHA1",), ("MD5Sum", "SHA1")])
def test_a_release_with_nothing_but_weak_sums_is_refused(site: Site, checksums: tuple[str, ...]) -> None:
    site.repository.publish(Publication(checksums=checksums))

    assert refused(site).endswith("has only MD5 or SHA-1 sums, which can be forged")


def test_a_release_with_sha512_alone_is_read(site: Site) -> None:
    site.repository.publish(Publication(checksums=("SHA512",), by_hash=False))

    assert site.versions() == ["5.2-1"]


def test_a_half_synchronised_mirror_is_called_so(site: Site) -> None:
    """As on repo.radeon.com in November 2024: 68560 bytes where Release says 29552."""
    path = site.repository.dists / "main/binary-amd64"
    for name in ("Packages", "Packages.gz"):
        (path / name).write_bytes(b"x" * 40_000)

    with pytest.raises(HalfSynchronised) as caught:
        site.open()

    size = sorted(len(one) for one in forms(site))[0]
    assert caught.value.message.endswith(
        f"has more than the {size} bytes that its Release file states: the mirror is being synchronised"
    )
    assert caught.value.hint == "try again later: run the same command in some minutes"


def forms(site: Site) -> list[bytes]:
    import gzip

    text = site.repository.packages_text()
    return [text, gzip.compress(text, mtime=0)]


@pytest.mark.parametrize("damage", [lambda old: old[:-1] + b"\xff", lambda old: old[:-9]])
def test_a_lying_packages_file_is_refused_before_it_is_decompressed(site: Site, damage: object) -> None:
    assert callable(damage)
    for path in (site.repository.dists / "main/binary-amd64").glob("Packages*"):
        path.write_bytes(damage(path.read_bytes()))

    assert "the mirror is being synchronised" in refused(site)
    assert kept_files(site) <= {".key"}


def test_one_form_that_is_right_makes_up_for_one_that_is_not(site: Site) -> None:
    """As on repo.radeon.com in August 2025, where Packages was right and Packages.gz was not (ROCm/clr#187)."""
    (site.repository.dists / "main/binary-amd64/Packages.gz").write_bytes(b"of yesterday")

    assert site.versions() == ["5.2-1"]


def test_a_packages_file_that_grows_when_decompressed_is_refused(site: Site) -> None:
    bomb = b"Package: x\n" + b" y\n" * 10_000_000
    publish_lying(site, bomb)

    assert refused(site).endswith("bytes when decompressed")


def test_a_packages_file_that_changes_when_decompressed_is_refused(site: Site) -> None:
    publish_lying(site, site.repository.packages_text().replace(b"5.2-1", b"6.6-6"))

    assert refused(site).endswith("is not what its Release file says, when decompressed")
    assert kept_files(site) <= {".key"}


def publish_lying(site: Site, content: bytes) -> None:
    """A signed Release whose hash of Packages.gz fits what is served, and whose hash of Packages does not."""
    import gzip

    compressed = gzip.compress(content, mtime=0)
    name = "main/binary-amd64/Packages"
    files = {name: site.repository.packages_text(), f"{name}.gz": compressed}
    site.repository.sign(site.repository.release_text(files, Publication()))
    (site.repository.dists / name).unlink()
    (site.repository.dists / f"{name}.gz").write_bytes(compressed)


def test_what_cannot_be_decompressed_is_refused(site: Site) -> None:
    name = "main/binary-amd64/Packages"
    files = {name: site.repository.packages_text(), f"{name}.xz": b"no xz", f"{name}.zst": b"nozst"}
    site.repository.sign(site.repository.release_text(files, Publication()))
    for path in ("Packages", "Packages.gz"):
        (site.repository.dists / "main/binary-amd64" / path).unlink()
    (site.repository.dists / f"{name}.xz").write_bytes(b"no xz")
    first = refused(site)
    (site.repository.dists / f"{name}.xz").unlink()
    (site.repository.dists / f"{name}.zst").write_bytes(b"nozst")

    assert (first[:37], refused(site)[:38]) == (
        "`Packages.xz` cannot be decompressed:",
        "`Packages.zst` cannot be decompressed:",
    )


@pytest.mark.parametrize(
    "path", ["apt/dists/jammy/InRelease", "key.asc", "apt/dists/jammy/main/binary-amd64/Packages"]
)
def test_an_endless_answer_is_cut_off(site: Site, path: str) -> None:
    site.repository.publish(Publication(compressions=("",)))
    site.server.misbehave(path, Fault(endless=True))

    refused(site)


def test_a_broken_connection_is_an_error_of_the_network(site: Site) -> None:
    site.server.misbehave("apt/dists/jammy/InRelease", Fault(cut_after=100))

    refused(site, NetworkFailed)


def test_a_repository_that_is_not_there_is_named(site: Site) -> None:
    site.server.misbehave("apt/dists/jammy/InRelease", Fault(status=404))

    assert f"`{site.server.url('apt/dists/jammy/Release')}` is not there" in refused(site, NotFound)
