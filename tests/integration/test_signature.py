"""Signatures, with real keys of every kind and with both verifiers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from rocmswitch.errors import MachineLacks, VerificationFailed
from rocmswitch.fetch.sequoia import Sequoia
from rocmswitch.fetch.signature import Gpgv, verify_detached, verify_inline
from rocmswitch.fetch.signed import KeyMissing, KeyOutdated, Keys, Signed, Verifier
from tests.support.keys import GPGV, KeyFolder, SigningKey

TEXT = b"Suite: stable\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n- a dash\n"
IN_DATE = datetime(2020, 6, 1, tzinfo=timezone.utc)
EXPIRY = datetime(2021, 1, 1, tzinfo=timezone.utc)
TOO_LATE = datetime(2022, 6, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def folder() -> Iterator[KeyFolder]:
    with KeyFolder() as folder:
        yield folder


@pytest.fixture(scope="module")
def key(folder: KeyFolder) -> SigningKey:
    return folder.modern()


@pytest.fixture(scope="module")
def foreign(folder: KeyFolder) -> SigningKey:
    return folder.modern("Foreign Key")


@pytest.fixture(params=["gpgv", "sequoia"])
def verifier(request: pytest.FixtureRequest) -> Verifier:
    if request.param == "sequoia":
        return Sequoia()
    return gpgv()


def gpgv() -> Gpgv:
    if GPGV is None:
        pytest.skip("no gpgv here")
    return Gpgv(GPGV)


def keys_of(*signers: SigningKey, armored: bool = True) -> Keys:
    return Keys(tuple(one.fingerprint for one in signers), b"".join(one.public(armored=armored) for one in signers))


@pytest.mark.parametrize("armored", [True, False])
def test_an_inline_signature_gives_the_text_that_was_signed(
    verifier: Verifier, key: SigningKey, armored: bool
) -> None:
    signed = verify_inline(key.sign_inline(TEXT), keys_of(key, armored=armored), verifier)

    # The newline before the signature belongs to the armour (RFC 4880, 7.1): verifiers differ about it.
    assert (signed.text.rstrip(b"\n"), signed.fingerprint) == (TEXT.rstrip(b"\n"), key.fingerprint)


def test_a_detached_signature_gives_back_exactly_the_text(verifier: Verifier, key: SigningKey) -> None:
    signed = verify_detached(TEXT, key.sign_detached(TEXT), keys_of(key), verifier)

    assert signed == Signed(TEXT, key.fingerprint)


@pytest.mark.parametrize("digest", ["SHA384", "SHA512"])
def test_the_stronger_hashes_are_accepted(verifier: Verifier, key: SigningKey, digest: str) -> None:
    content = key.sign_inline(TEXT, options=("--digest-algo", digest))

    assert verify_inline(content, keys_of(key), verifier).fingerprint == key.fingerprint


@pytest.mark.parametrize("digest", ["SHA1", "SHA224"])
def test_a_data_signature_with_a_weak_hash_is_refused(key: SigningKey, digest: str) -> None:
    content = key.sign_inline(TEXT, options=("--digest-algo", digest, "--allow-weak-digest-algos"))

    with pytest.raises(VerificationFailed, match="a hash that can be forged"):
        verify_inline(content, keys_of(key), gpgv())


def test_a_data_signature_with_sha1_is_refused_without_gpgv_too(key: SigningKey) -> None:
    content = key.sign_inline(TEXT, options=("--digest-algo", "SHA1", "--allow-weak-digest-algos"))

    with pytest.raises(VerificationFailed, match="or its hash can be forged"):
        verify_inline(content, keys_of(key), Sequoia())


def test_a_key_that_binds_itself_with_sha1_is_accepted_by_its_pinned_fingerprint(folder: KeyFolder) -> None:
    old = folder.old()

    signed = verify_inline(old.sign_inline(TEXT), keys_of(old), gpgv())

    assert (signed.fingerprint, signed.warnings) == (old.fingerprint, ())


def test_without_gpgv_a_key_that_binds_itself_with_sha1_asks_for_gpgv(folder: KeyFolder) -> None:
    old = folder.old("Another Old Key")

    with pytest.raises(MachineLacks) as caught:
        verify_inline(old.sign_inline(TEXT), keys_of(old), Sequoia())

    assert (caught.value.message, caught.value.hint) == (
        f"the key `{old.fingerprint}` is bound to its name with SHA-1, which only gpgv accepts",
        "install gpgv: `sudo apt install gpgv`, or the package gnupg2 where there is no apt",
    )


def test_a_signature_by_a_subkey_counts_for_its_primary_key(verifier: Verifier, folder: KeyFolder) -> None:
    key = folder.with_subkey()

    signed = verify_detached(TEXT, key.sign_detached(TEXT), keys_of(key), verifier)

    assert signed.fingerprint == key.fingerprint


def test_an_expired_key_is_accepted_with_a_warning_for_what_it_signed_before(
    verifier: Verifier, folder: KeyFolder
) -> None:
    key = folder.never_ending()
    content = key.sign_inline(TEXT, at=IN_DATE)
    folder.set_expiry(key, EXPIRY)

    signed = verify_inline(content, keys_of(key), verifier)

    assert signed.warnings == (f"the key `{key.fingerprint}` expired on 2021-01-01; it signed before",)


def test_a_signature_made_after_the_end_of_its_key_is_refused(verifier: Verifier, folder: KeyFolder) -> None:
    key = folder.never_ending("Too Late")
    content = key.sign_inline(TEXT, at=TOO_LATE)
    folder.set_expiry(key, EXPIRY)

    with pytest.raises(KeyOutdated, match="was made after the key's end on 2021-01-01"):
        verify_inline(content, keys_of(key), verifier)


def test_the_fingerprint_of_a_subkey_is_refused_and_its_primary_key_named(
    verifier: Verifier, folder: KeyFolder
) -> None:
    key = folder.with_subkey("Stated Subkey")

    with pytest.raises(KeyMissing) as caught:
        verify_inline(key.sign_inline(TEXT), Keys((key.subkey,), key.public()), verifier)

    assert caught.value.message == (
        f"the signing key `{key.subkey}` is a subkey, and it is its primary key `{key.fingerprint}` that has to be"
        " stated"
    )


def test_a_signature_by_a_subkey_that_was_revoked_is_refused(verifier: Verifier, folder: KeyFolder) -> None:
    key = folder.with_subkey("Revoked Subkey")
    content = key.sign_inline(TEXT)
    folder.revoke_subkey(key)

    with pytest.raises(VerificationFailed, match=f"`{key.fingerprint}` or its signing subkey is revoked"):
        verify_inline(content, keys_of(key), verifier)


def test_a_subkey_that_was_retired_after_it_signed_is_refused_too(verifier: Verifier, folder: KeyFolder) -> None:
    key = folder.with_subkey("Retired Subkey")
    content = key.sign_inline(TEXT)
    time.sleep(1.1)  # signatures are dated in whole seconds
    folder.revoke_subkey(key, reason=3)

    with pytest.raises(VerificationFailed, match="or its signing subkey is revoked"):
        verify_inline(content, keys_of(key), verifier)


def test_a_signature_by_a_revoked_key_is_refused(verifier: Verifier, folder: KeyFolder) -> None:
    key = folder.modern("Revoked Key")
    content = key.sign_inline(TEXT)
    folder.revoke(key)

    with pytest.raises(VerificationFailed, match=f"`{key.fingerprint}` or its signing subkey is revoked"):
        verify_inline(content, keys_of(key), verifier)


def test_a_signature_that_has_expired_is_refused(verifier: Verifier, key: SigningKey) -> None:
    content = key.sign_inline(TEXT, options=("--default-sig-expire", "seconds=1"))
    time.sleep(2.1)

    with pytest.raises(VerificationFailed, match="has expired"):
        verify_inline(content, keys_of(key), verifier)


def test_a_foreign_key_is_refused_by_name(verifier: Verifier, key: SigningKey, foreign: SigningKey) -> None:
    with pytest.raises(KeyMissing, match=f"the signing key `{foreign.fingerprint}` is not"):
        verify_inline(foreign.sign_inline(TEXT), keys_of(key), verifier)


def test_a_replaced_key_file_changes_nothing_about_who_is_trusted(
    verifier: Verifier, key: SigningKey, foreign: SigningKey
) -> None:
    replaced = Keys((key.fingerprint,), foreign.public())

    with pytest.raises(KeyMissing):
        verify_inline(foreign.sign_inline(TEXT), replaced, verifier)


def test_a_key_file_may_hold_more_than_the_pinned_key(
    verifier: Verifier, key: SigningKey, foreign: SigningKey
) -> None:
    both = Keys((key.fingerprint,), foreign.public() + key.public())

    assert verify_inline(key.sign_inline(TEXT), both, verifier).fingerprint == key.fingerprint
    with pytest.raises(KeyMissing):
        verify_inline(foreign.sign_inline(TEXT), both, verifier)


def test_one_good_signature_of_several_is_enough(
    verifier: Verifier, key: SigningKey, foreign: SigningKey, folder: KeyFolder
) -> None:
    content = folder.gpg(
        *("--local-user", foreign.fingerprint, "--local-user", key.fingerprint, "--clear-sign"), stdin=TEXT
    )

    assert verify_inline(content, keys_of(key), verifier).fingerprint == key.fingerprint


def test_any_one_of_several_pinned_keys_will_do(verifier: Verifier, key: SigningKey, foreign: SigningKey) -> None:
    pinned = keys_of(key, foreign, armored=False)

    assert verify_inline(foreign.sign_inline(TEXT), pinned, verifier).fingerprint == foreign.fingerprint


def test_a_changed_byte_is_refused(verifier: Verifier, key: SigningKey) -> None:
    content = key.sign_inline(TEXT).replace(b"stable", b"stabel")

    with pytest.raises(VerificationFailed, match="changed"):
        verify_inline(content, keys_of(key), verifier)


def test_a_detached_signature_of_another_text_is_refused(verifier: Verifier, key: SigningKey) -> None:
    with pytest.raises(VerificationFailed, match="changed"):
        verify_detached(TEXT + b"x", key.sign_detached(TEXT), keys_of(key), verifier)


def test_a_signature_that_carries_its_own_text_does_not_vouch_for_another(
    verifier: Verifier, key: SigningKey
) -> None:
    with pytest.raises(VerificationFailed):
        verify_detached(TEXT, key.sign_message(b"another text\n"), keys_of(key), verifier)


@pytest.mark.parametrize(
    "surround",
    [
        lambda signed: b"Suite: evil\n" + signed,
        lambda signed: signed + b"Suite: evil\n",
        lambda signed: signed + signed,
        lambda signed: signed.replace(b"-----BEGIN PGP SIGNATURE", b"-----BEGIN PGP SIGNED MESSAGE-----\n\n"
                                      b"evil\n-----BEGIN PGP SIGNATURE"),
        lambda signed: TEXT,
        lambda signed: b"",
        lambda signed: signed[: len(signed) // 2],
        lambda signed: b"<html>Please log in</html>",
    ],
    ids=["before", "after", "twice", "nested", "unsigned", "empty", "cut", "portal"],
)  # fmt: skip
def test_a_file_that_is_not_exactly_one_signed_text_is_refused(
    verifier: Verifier, key: SigningKey, surround: object
) -> None:
    assert callable(surround)

    with pytest.raises(VerificationFailed):
        verify_inline(surround(key.sign_inline(TEXT)), keys_of(key), verifier)


@pytest.mark.parametrize("material", [b"", b"no key", b"\x99\x01", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA"])
def test_a_key_file_without_a_key_is_refused(verifier: Verifier, key: SigningKey, material: bytes) -> None:
    with pytest.raises(KeyMissing):
        verify_inline(key.sign_inline(TEXT), Keys((key.fingerprint,), material), verifier)


def test_a_detached_file_that_is_no_signature_is_refused(verifier: Verifier, key: SigningKey) -> None:
    with pytest.raises(VerificationFailed):
        verify_detached(TEXT, b"<html>Not found</html>", keys_of(key), verifier)


def test_gpgv_is_chosen_where_there_is_one(monkeypatch: pytest.MonkeyPatch, folder: KeyFolder) -> None:
    from rocmswitch.fetch.signature import installed_verifier

    monkeypatch.setenv("PATH", "/nonexistent")
    without = installed_verifier()
    monkeypatch.undo()

    assert isinstance(without, Sequoia)
    assert shutil.which("gpgv") is None or isinstance(installed_verifier(), Gpgv)
