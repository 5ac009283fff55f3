"""What is kept of a repository, and when it is used."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from rocmswitch.errors import (
    NetworkFailed,
)
from tests.support.aptrepository import Publication
from tests.support.debs import Deb
from tests.support.site import NOW, Site, refused


def test_without_a_network_the_last_good_index_is_used_with_a_warning(site: Site) -> None:
    site.open()
    site.break_off()

    opened = site.open()

    (warning,) = opened.warnings
    date = datetime.now(timezone.utc) - timedelta(hours=1)
    assert warning.endswith(f"; the last good index is used, of {date:%Y-%m-%d}")
    assert [len(index) for index, _ in opened.indexes] == [1]


def test_a_half_synchronised_mirror_leaves_the_last_good_index_in_use(site: Site) -> None:
    site.repository.publish(Publication(date=NOW - timedelta(days=2)))
    site.open()
    site.repository.add(Deb("new")).publish(Publication(date=NOW - timedelta(days=1)))
    for path in (site.repository.dists / "main/binary-amd64").glob("Packages*"):
        path.write_bytes(b"of yesterday")

    opened = site.open()

    assert "the mirror is being synchronised; the last good index is used, of" in opened.warnings[0]
    assert [one.date[:10] for one in opened.records] == [(NOW - timedelta(days=2)).strftime("%Y-%m-%d")]


def test_offline_the_kept_index_is_used_and_no_server_is_asked(site: Site) -> None:
    site.open()
    asked = len(site.server.requests)

    assert site.versions(offline=True) == ["5.2-1"]
    assert len(site.server.requests) == asked


def test_offline_without_a_kept_index_says_so(site: Site) -> None:
    assert refused(site, NetworkFailed, offline=True) == (
        f"no index of `{site.server.url('apt')} jammy` is kept here, and there is no network"
    )


@pytest.mark.parametrize("detached", [False, True])
def test_a_kept_index_is_verified_again(site: Site, detached: bool) -> None:
    site.repository.publish(Publication(inline=not detached, detached=detached))
    site.open()
    assert site.versions(offline=True) == ["5.2-1"]
    (path,) = site.layout.indexes.glob("*.release")
    path.write_bytes(path.read_bytes().replace(b"Label: Test", b"Label: Best"))

    assert "the signature does not fit the text" in refused(site, offline=True)


def test_a_kept_index_that_expires_is_refused_offline_too(site: Site) -> None:
    site.repository.publish(Publication(valid_until=NOW + timedelta(days=1)))
    site.open()
    site.now = NOW + timedelta(days=3)

    assert "was valid until" in refused(site, offline=True)
    assert site.open(offline=True, allow_expired=True).records[0].expired


def test_a_fresh_index_is_used_without_asking_the_server(site: Site) -> None:
    site.fresh_for = timedelta(minutes=10)
    site.open()
    asked = len(site.server.requests)
    site.now = datetime.now(timezone.utc)
    site.open()
    site.now += timedelta(minutes=11)
    site.open()

    assert [one.path for one in site.server.requests[asked:]] == ["/apt/dists/jammy/InRelease"]


def test_an_unchanged_index_is_not_fetched_again(site: Site) -> None:
    site.open()
    site.open()

    assert sum("Packages" in one.path for one in site.server.requests) == 1


def test_a_damaged_index_in_the_cache_is_made_again(site: Site) -> None:
    site.open()
    (path,) = site.layout.indexes.glob("*.index")
    path.write_bytes(path.read_bytes()[:-5])

    assert site.versions() == ["5.2-1"]


def test_only_the_newest_state_of_an_index_is_kept(site: Site) -> None:
    site.open()
    site.repository.add(Deb("new")).publish()
    site.open()

    assert len(list(site.layout.indexes.glob("*.index"))) == 1
