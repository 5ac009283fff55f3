"""Whose repository is believed, and of which day."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rocmswitch.errors import (
    MachineLacks,
    NotFound,
    VerificationFailed,
)
from rocmswitch.fetch.sequoia import Sequoia
from rocmswitch.model.source import Key, Source
from rocmswitch.system.disk import Disk
from tests.support.aptrepository import Publication
from tests.support.keys import KeyFolder
from tests.support.site import NOW, Site, kept_files, refused


def test_a_broken_inline_signature_is_not_made_up_for_by_a_detached_one(site: Site) -> None:
    site.repository.publish(Publication(detached=True))
    inline = site.repository.dists / "InRelease"
    inline.write_bytes(inline.read_bytes().replace(b"Label: Test", b"Label: Best"))

    assert "the signature does not fit the text" in refused(site)


def test_a_repository_without_any_signature_is_refused(site: Site) -> None:
    site.repository.publish(Publication(inline=False, detached=True))
    (site.repository.dists / "Release.gpg").unlink()

    assert refused(site) == f"`{site.server.url('apt')} jammy` is not signed"


def test_a_foreign_signature_is_refused(site: Site, folder: KeyFolder) -> None:
    foreign = folder.modern("Foreign Owner")
    replace(site.repository, key=foreign).publish()

    assert f"the signing key `{foreign.fingerprint}` is not" in refused(site)


def test_a_replaced_key_file_does_not_replace_the_trust(site: Site, folder: KeyFolder) -> None:
    thief = folder.modern("Thief")
    replace(site.repository, key=thief).publish().publish_key(site.server.folder / "key.asc")
    stolen = Site(site.server, site.repository, site.layout)

    with pytest.raises(VerificationFailed):
        stolen.open(stolen.source)

    assert kept_files(site) == set()


@pytest.mark.parametrize(
    "surround", [lambda text: b"Suite: evil\n" + text, lambda text: text + b"\nSHA256:\n", lambda text: text + text]
)
def test_text_outside_the_signed_part_is_refused(site: Site, surround: object) -> None:
    assert callable(surround)
    inline = site.repository.dists / "InRelease"
    inline.write_bytes(surround(inline.read_bytes()))

    assert refused(site).startswith(f"the index `{site.server.url('apt')} jammy` cannot be verified: the file")


def test_an_old_key_bound_with_sha1_is_accepted_by_gpgv(site: Site, folder: KeyFolder) -> None:
    old = folder.old("Owner Since 2016")
    site.repository = replace(site.repository, key=old).publish()
    site.repository.publish_key(site.server.folder / "key.asc", armored=False)

    assert site.versions() == ["5.2-1"]


def test_without_gpgv_an_old_key_bound_with_sha1_asks_for_gpgv(site: Site, folder: KeyFolder) -> None:
    old = folder.old("Another Owner Since 2016")
    site.repository = replace(site.repository, key=old).publish()
    site.repository.publish_key(site.server.folder / "key.asc")
    site.verifier = Sequoia()

    assert "is bound to its name with SHA-1, which only gpgv accepts" in refused(site, MachineLacks)


def test_without_gpgv_other_repositories_are_read_as_well(site: Site) -> None:
    site.verifier = Sequoia()

    assert site.versions() == ["5.2-1"]


def test_an_expired_key_is_a_warning(site: Site, folder: KeyFolder) -> None:
    key = folder.never_ending("Expired Owner")
    site.repository = replace(site.repository, key=key)
    site.repository.publish(
        Publication(
            date=datetime(2020, 6, 1, tzinfo=timezone.utc), signed_at=datetime(2020, 6, 1, tzinfo=timezone.utc)
        )
    )
    folder.set_expiry(key, datetime(2021, 1, 1, tzinfo=timezone.utc))
    site.repository.publish_key(site.server.folder / "key.asc")

    assert site.open().warnings == (f"the key `{key.fingerprint}` expired on 2021-01-01; it signed before",)


def test_a_key_that_was_extended_is_fetched_again(site: Site, folder: KeyFolder) -> None:
    """AMD's key ran out four times; the file under its URL was replaced, the fingerprint stayed."""
    key = folder.never_ending("Extended Owner")
    site.repository = replace(site.repository, key=key).publish()
    folder.set_expiry(key, datetime(2021, 1, 1, tzinfo=timezone.utc))
    outdated = key.public()
    folder.set_expiry(key, datetime(2099, 1, 1, tzinfo=timezone.utc), at=datetime(2020, 3, 1, tzinfo=timezone.utc))
    site.repository.publish_key(site.server.folder / "key.asc")
    keyring = site.layout.data.parent / "outdated.gpg"
    keyring.parent.mkdir(parents=True, exist_ok=True)
    keyring.write_bytes(outdated)
    source = Source(
        kind="apt",
        url=site.server.url("apt"),
        suite="jammy",
        key=Key(fingerprint=key.fingerprint, url=site.server.url("key.asc"), keyring=str(keyring)),
    )

    assert site.open(source).warnings == ()


def test_a_keyring_of_the_machine_makes_fetching_the_key_needless(site: Site, tmp_path: Path) -> None:
    keyring = tmp_path / "archive-keyring.gpg"
    keyring.write_bytes(site.repository.key.public(armored=False))
    pinned = Key(fingerprint=site.repository.key.fingerprint, url=site.server.url("key.asc"), keyring=str(keyring))
    source = Source(kind="apt", url=site.server.url("apt"), suite="jammy", key=pinned)

    site.open(source)

    assert site.server.asked("key.asc") == []


def test_a_fetched_key_is_kept_for_a_day(site: Site) -> None:
    site.open()
    site.now = datetime.now(timezone.utc)
    site.open()
    site.now += timedelta(days=2)
    site.open()

    assert len(site.server.asked("key.asc")) == 2


def test_a_key_that_cannot_be_fetched_is_named(site: Site) -> None:
    (site.server.folder / "key.asc").unlink()

    assert f"`{site.server.url('key.asc')}` is not there" in refused(site, NotFound)


def test_an_expired_index_is_refused_unless_it_is_allowed(site: Site) -> None:
    site.repository.publish(Publication(date=NOW - timedelta(days=9), valid_until=NOW - timedelta(days=2)))

    with pytest.raises(VerificationFailed, match=r"was valid until .* only") as caught:
        site.open()
    (record,) = site.open(allow_expired=True).records

    assert caught.value.hint == "if you know why the mirror is behind, run the same command with `--allow-expired`"
    assert record.expired


def test_an_index_of_the_future_is_refused(site: Site) -> None:
    site.repository.publish(Publication(date=NOW + timedelta(days=2)))

    assert "it or this machine's clock is wrong" in refused(site, allow_expired=True)


def test_a_clock_that_is_an_hour_behind_is_no_reason_to_refuse(site: Site) -> None:
    site.repository.publish(Publication(date=NOW + timedelta(hours=1)))

    assert site.versions() == ["5.2-1"]


def test_an_older_index_than_the_newest_seen_is_refused(site: Site) -> None:
    site.repository.publish(Publication(date=NOW - timedelta(days=9)))
    old = (site.repository.dists / "InRelease").read_bytes()
    site.repository.publish(Publication(date=NOW - timedelta(days=1)))
    site.open()

    (site.repository.dists / "InRelease").write_bytes(old)

    then, before = ((NOW - timedelta(days=age)).strftime("%Y-%m-%d %H:%M UTC") for age in (9, 1))
    assert refused(site) == (
        f"the index `{site.server.url('apt')} jammy` is of {then}, but one of {before} was seen before: "
        "the mirror is behind, or somebody serves an old state"
    )


def test_deleting_the_cache_does_not_make_an_old_index_acceptable(site: Site) -> None:
    site.open()
    Disk().remove_tree(site.layout.cache)
    site.repository.publish(Publication(date=NOW - timedelta(days=9)))

    assert "was seen before" in refused(site)


def test_nothing_is_remembered_of_an_index_that_was_not_verified(site: Site, folder: KeyFolder) -> None:
    foreign = folder.modern("Owner Of Tomorrow")
    replace(site.repository, key=foreign).publish(Publication(date=NOW + timedelta(hours=20)))
    refused(site)

    site.repository.publish()

    assert site.versions() == ["5.2-1"]


def test_a_garbled_date_of_the_newest_seen_is_not_taken_for_none(site: Site) -> None:
    site.open()
    (path,) = site.layout.seen.iterdir()
    path.write_text("{}")

    assert refused(site).startswith(f"`{path}`, which holds the newest date seen, cannot be read")
