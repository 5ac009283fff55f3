"""When an rpm repository is believed, and what is kept of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rocmswitch.errors import NetworkFailed, VerificationFailed
from rocmswitch.fetch.signature import Gpgv, installed_verifier
from rocmswitch.model.source import Key, Source
from tests.support.keys import KeyFolder
from tests.support.rpmrepository import Rpm, RpmPublication
from tests.support.rpmsite import NOW, RpmSite, refused
from tests.support.server import Fault

NEW = Rpm("hip", "5.3")


def _published(site: RpmSite, days: int, *rpms: Rpm, signed: bool = True) -> None:
    """Its state of so many days ago."""
    seconds = int((NOW - timedelta(days=days)).timestamp())
    site.repository.add(*rpms).publish(RpmPublication(revision=str(seconds), signed=signed))


def test_an_index_signed_by_the_pinned_key_is_opened(site: RpmSite) -> None:
    opened = site.open()

    (record,) = opened.records
    assert (record.fingerprint, opened.warnings, opened.keys) == (site.repository.key.fingerprint, (), ((),))


def test_without_gpgv_sequoia_verifies(site: RpmSite) -> None:
    from rocmswitch.fetch.sequoia import Sequoia

    site.verifier = Sequoia()

    assert site.versions() == ["5.2-1"]


def test_a_key_that_binds_itself_by_sha1_as_amds_does_is_good_enough_for_gpgv(
    site: RpmSite, folder: KeyFolder
) -> None:
    if not isinstance(installed_verifier(), Gpgv):
        pytest.skip("no gpgv here: install gpgv")
    site.repository.key = folder.old()
    site.repository.publish()
    site.repository.publish_key(site.server.folder / "key.asc")

    assert site.versions() == ["5.2-1"]


def test_a_changed_index_is_refused(site: RpmSite) -> None:
    text = site.repository.repomd.read_text()
    site.repository.repomd.write_text(text.replace("<revision>", "<revision>1"))

    assert "the signature does not fit the text" in refused(site)


def test_another_signer_is_refused(site: RpmSite, folder: KeyFolder) -> None:
    other = folder.modern("Somebody Else")
    site.repository.key, mine = other, site.repository.key
    site.repository.publish()
    key = Key(fingerprint=mine.fingerprint, url=site.server.url("key.asc"))

    with pytest.raises(VerificationFailed, match=r"the signing key `[0-9A-F]+` is not at hand"):
        site.open(Source(kind="rpm", url=site.server.url("rpm"), key=key))


def test_a_list_that_is_not_the_signed_one_is_a_mirror_between_two_states(site: RpmSite) -> None:
    (path,) = site.repository.repodata.glob("*primary.xml.gz")
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    assert "has another content than its repomd.xml states: the mirror is being synchronised" in refused(site)


def test_a_list_that_is_gone_is_a_mirror_between_two_states(site: RpmSite) -> None:
    site.open()
    _published(site, -1 / 24, NEW)
    (path,) = site.repository.repodata.glob("*primary.xml.gz")
    path.unlink()

    opened = site.open()

    assert "the mirror is being synchronised; the last good index is used" in opened.warnings[0]
    assert [one.version for index, _ in opened.indexes for one in index.candidates("hip")] == ["5.2-1"]


def test_an_older_state_than_was_seen_is_refused(site: RpmSite) -> None:
    _published(site, 1, NEW)
    site.open()
    site.repository.remove(NEW)
    _published(site, 2)

    assert "was seen before: the mirror is behind, or somebody serves an old state" in refused(site)


def test_a_newer_state_is_taken(site: RpmSite) -> None:
    _published(site, 2)
    site.open()
    _published(site, 1, NEW)

    assert site.versions() == ["5.3-1", "5.2-1"] or site.versions() == ["5.2-1", "5.3-1"]


def test_a_state_of_the_future_is_refused(site: RpmSite) -> None:
    _published(site, -10)

    assert "it or this machine's clock is wrong" in refused(site)


def test_without_a_network_the_last_good_index_is_used_with_a_warning(site: RpmSite) -> None:
    site.open()
    site.break_off()

    opened = site.open()

    assert "the last good index is used, of" in opened.warnings[0]


def test_offline_the_kept_index_is_used_and_no_server_is_asked(site: RpmSite) -> None:
    site.open()
    asked = len(site.server.requests)

    assert site.versions(offline=True) == ["5.2-1"]
    assert len(site.server.requests) == asked


def test_offline_without_a_kept_index_says_so(site: RpmSite) -> None:
    assert refused(site, NetworkFailed, offline=True) == (
        f"no index of `{site.server.url('rpm')}` is kept here, and there is no network"
    )


def test_a_kept_index_is_verified_again(site: RpmSite) -> None:
    site.open()
    for path in site.layout.indexes.glob("*.release"):
        path.write_bytes(path.read_bytes().replace(b"<revision>", b"<revision>1"))

    assert "the signature does not fit the text" in refused(site, offline=True)


def test_an_index_without_a_signature_is_opened_for_packages_that_have_theirs(site: RpmSite) -> None:
    site.repository.publish(RpmPublication(signed=False))

    opened = site.open()

    (package,) = [one for index, _ in opened.indexes for one in index.candidates("hip")]
    assert [one.fingerprints for one in opened.signers(package)] == [(site.repository.key.fingerprint,)]
    assert opened.warnings == (
        f"the index `{site.server.url('rpm')}` is not signed: each of its packages has to be signed itself",
    )


def test_what_was_signed_once_has_to_stay_signed(site: RpmSite) -> None:
    site.open()
    site.repository.publish(RpmPublication(signed=False))

    assert refused(site) == (
        f"the index `{site.server.url('rpm')}` was signed before and is not signed now:"
        " the mirror lacks a file, or somebody took the signature away"
    )


def test_the_date_of_what_nobody_signed_is_not_remembered(site: RpmSite) -> None:
    _published(site, -1 / 24, signed=False)
    site.open()
    _published(site, 5, signed=True)

    assert site.versions() == ["5.2-1"]


def test_a_signature_that_cannot_be_reached_is_not_taken_for_none(site: RpmSite) -> None:
    site.server.misbehave("rpm/repodata/repomd.xml.asc", Fault(status=503))

    refused(site, NetworkFailed)


def test_without_a_key_at_hand_an_unsigned_index_is_refused(site: RpmSite) -> None:
    site.repository.publish(RpmPublication(signed=False))
    (site.server.folder / "key.asc").write_text("<html>not here</html>")

    assert "holds one that the manifest pins" in refused(site)
