"""The signature in a package's own header."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.rpmsignature import verify_package
from rocmswitch.fetch.sequoia import Sequoia
from rocmswitch.fetch.signature import installed_verifier
from rocmswitch.fetch.signed import KeyMissing
from rocmswitch.metadata.rpmheader import read_header
from rocmswitch.model.keys import Keys
from rocmswitch.model.package import SIGNED, Artifact, Digest
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from tests.support.keys import KeyFolder, SigningKey
from tests.support.rpmrepository import Rpm, build_rpm, build_source_rpm, sign_rpm
from tests.support.server import Server
from tests.support.site import HURRY

HIP = Rpm("hip", "5.2", "3", epoch="1", files={"opt/rocm/lib/text": "some text\n" * 500})
PLACES = ["header", "payload", "end of the payload"]


def _artifact(path: Path, *keys: Keys, name: str = "hip", version: str = "1:5.2-3", url: str = "") -> Artifact:
    content = path.read_bytes()
    digest = Digest.sha256(hashlib.sha256(content).hexdigest())
    return Artifact(name, version, path.name, (url,), len(content), digest, SIGNED, keys, "amd64")


def _keys(key: SigningKey) -> Keys:
    return Keys((key.fingerprint,), key.public())


def _refused(path: Path, artifact: Artifact) -> str:
    with pytest.raises(VerificationFailed) as caught:
        verify_package(path, artifact)
    return caught.value.message


@pytest.mark.parametrize("payload", ["gz", "xz", "zst", ""])
def test_a_package_signed_by_the_pinned_key_is_good(tmp_path: Path, key: SigningKey, payload: str) -> None:
    path = build_rpm(replace(HIP, payload=payload), tmp_path, key)

    assert verify_package(path, _artifact(path, _keys(key))).fingerprint == key.fingerprint


@pytest.mark.parametrize("verifier", [installed_verifier(), Sequoia()], ids=["installed", "sequoia"])
def test_an_rsa_key_with_a_subkey_or_without_will_do(tmp_path: Path, folder: KeyFolder, verifier) -> None:
    for number, key in enumerate((folder._make("Rsa Key", "rsa2048", "sign"), folder.with_subkey())):
        path = build_rpm(HIP, tmp_path / str(number), key)

        signed = verify_package(path, _artifact(path, _keys(key)), verifier)

        assert signed.fingerprint == key.fingerprint


def test_a_copy_of_the_keys_that_does_not_help_is_passed_over(
    tmp_path: Path, key: SigningKey, folder: KeyFolder
) -> None:
    path = build_rpm(HIP, tmp_path, key)
    useless = Keys((key.fingerprint,), folder.modern("Other").public())

    assert verify_package(path, _artifact(path, useless, _keys(key))).fingerprint == key.fingerprint


def test_an_unsigned_package_is_refused(tmp_path: Path, key: SigningKey) -> None:
    path = build_rpm(HIP, tmp_path)

    assert _refused(path, _artifact(path, _keys(key))) == (
        "`hip` is not signed, and neither is the index of its repository: nothing vouches for it"
    )


def test_another_signer_is_refused(tmp_path: Path, key: SigningKey, folder: KeyFolder) -> None:
    path = build_rpm(HIP, tmp_path, folder.modern("Somebody"))
    both = Keys((key.fingerprint,), key.public() + folder.modern("Further").public())

    assert _refused(path, _artifact(path, both)).startswith("the package `hip` cannot be verified: the signing key")


@pytest.mark.parametrize("place", PLACES)
def test_one_changed_byte_is_found(tmp_path: Path, key: SigningKey, place: str) -> None:
    path = build_rpm(HIP, tmp_path, key)
    content = bytearray(path.read_bytes())
    with path.open("rb") as file:
        head = read_header(file)
    at = {"header": head.payload - 20, "payload": head.payload + 50, "end of the payload": len(content) - 1}
    content[at[place]] ^= 1
    path.write_bytes(content)

    message = _refused(path, _artifact(path, _keys(key)))

    assert ("does not fit the text" in message) or ("is not what its signed header says" in message)


def test_bytes_behind_the_payload_are_found(tmp_path: Path, key: SigningKey) -> None:
    path = build_rpm(HIP, tmp_path, key)
    path.write_bytes(path.read_bytes() + b"more")

    assert "is not what its signed header says" in _refused(path, _artifact(path, _keys(key)))


def test_a_cut_package_is_refused(tmp_path: Path, key: SigningKey) -> None:
    path = build_rpm(HIP, tmp_path, key)
    whole = path.read_bytes()

    for length in (0, 50, 96, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        _refused(path, _artifact(path, _keys(key)))


OTHERS = ["rocblas 1:5.2-3", "hip 1:5.2-4", "hip 1:5.02-3", "hip 5.2-3", "hip 2:5.2-3"]


@pytest.mark.parametrize("label", OTHERS)
def test_a_signed_package_cannot_be_passed_off_as_another(tmp_path: Path, key: SigningKey, label: str) -> None:
    path, (name, version) = build_rpm(HIP, tmp_path, key), label.split()

    assert _refused(path, _artifact(path, _keys(key), name=name, version=version)) == (
        f"the index offers `{label}.x86_64`, but what is there is `hip 1:5.2-3.x86_64`"
    )


@pytest.mark.parametrize("architecture", ["aarch64", "noarch"])
def test_a_signed_package_cannot_be_passed_off_as_one_for_other_machines(
    tmp_path: Path, key: SigningKey, architecture: str
) -> None:
    path = build_rpm(replace(HIP, architecture=architecture), tmp_path, key)

    assert _refused(path, _artifact(path, _keys(key))) == (
        f"the index offers `hip 1:5.2-3.x86_64`, but what is there is `hip 1:5.2-3.{architecture}`"
    )


def test_a_signed_source_package_cannot_be_passed_off_as_what_is_built_from_it(
    tmp_path: Path, key: SigningKey
) -> None:
    path = sign_rpm(build_source_rpm(HIP, tmp_path), key)
    content = bytearray(path.read_bytes())
    content[6:8] = b"\0\0"  # in the lead, which says that it is one, and which nobody signs
    path.write_bytes(content)

    assert _refused(path, _artifact(path, _keys(key))).endswith("is `hip 1:5.2-3.x86_64, a source package`")


def test_a_signed_package_without_an_epoch_is_good_where_the_index_says_0(tmp_path: Path, key: SigningKey) -> None:
    path = build_rpm(replace(HIP, epoch="0", architecture="noarch"), tmp_path, key)
    artifact = replace(_artifact(path, _keys(key), version="5.2-3"), architecture="all")

    assert verify_package(path, artifact).fingerprint == key.fingerprint


def test_a_signature_that_no_key_is_at_hand_for_says_so(tmp_path: Path, key: SigningKey) -> None:
    path = build_rpm(HIP, tmp_path, key)

    with pytest.raises(VerificationFailed) as caught:
        verify_package(path, _artifact(path, Keys((key.fingerprint,), b"")))

    assert isinstance(caught.value.__cause__, KeyMissing)


def test_a_download_is_given_out_only_when_its_signature_holds(tmp_path: Path, key: SigningKey) -> None:
    good = build_rpm(HIP, tmp_path / "served", key)
    bad = build_rpm(Rpm("hsa", "5.2"), tmp_path / "served")
    cache = Cache(tmp_path / "sha256", tmp_path / "partial", Disk())
    with Server(tmp_path / "served") as server:
        downloads = Downloads(Http(HURRY), cache)
        one = _artifact(good, _keys(key), url=server.url(good.name))
        other = _artifact(bad, _keys(key), name="hsa", version="5.2-1", url=server.url(bad.name))

        assert [artifact.name for artifact, _ in downloads.fetch([one], Silent())] == ["hip"]
        with pytest.raises(VerificationFailed, match="`hsa` is not signed"):
            list(downloads.fetch([other], Silent()))
        with pytest.raises(VerificationFailed, match="`hsa` is not signed"):
            list(downloads.fetch([other], Silent()))
