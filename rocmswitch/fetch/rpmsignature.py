"""The signature in a package's own header: what vouches for an rpm where its repository's index is not signed.

It covers the header, and the header states the hash of the payload behind it, so it covers the whole package. It
says as well which package in which version this is, and for which machines: an index that nobody signed may not
pass one off as another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rocmswitch.errors import VerificationFailed
from rocmswitch.fetch.signature import installed_verifier, verify_detached
from rocmswitch.fetch.signed import Signed, Verifier
from rocmswitch.metadata import rpmheader
from rocmswitch.metadata.rpmheader import RpmHeader, read_header
from rocmswitch.metadata.rpmindex import rpm_architecture
from rocmswitch.metadata.stream import Unreadable
from rocmswitch.model.package import Artifact
from rocmswitch.system.disk import disk_errors

_GOOD_DIGESTS = ("sha256", "sha384", "sha512")
_PIECE = 1024 * 1024


def verify_package(path: Path, artifact: Artifact, verifier: Verifier | None = None) -> Signed:
    """Check the package at *path* by the keys of *artifact*. Raises VerificationFailed, MachineLacks."""
    try:
        with disk_errors(path), path.open("rb") as file:
            head = read_header(file)
            signed = _verify_header(head, artifact, verifier or installed_verifier())
            _check_label(head, artifact)
            _check_payload(head, file, artifact)
            return signed
    except Unreadable as error:
        raise VerificationFailed(f"the archive of `{artifact.name}` {error} (`{path}`)") from error


def signatures(head: RpmHeader) -> Iterator[bytes]:
    """Every OpenPGP signature of the header. Raises Unreadable."""
    for tag in (rpmheader.RSA_OF_HEADER, rpmheader.DSA_OF_HEADER):
        found = head.signature.binary(tag)
        if found:
            yield found
    for text in head.signature.texts(rpmheader.OPENPGP):
        try:
            yield base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Unreadable("has a signature that cannot be read") from error


def _verify_header(head: RpmHeader, artifact: Artifact, verifier: Verifier) -> Signed:
    """By any signature, with any copy of the keys; else say what was wrong with the first."""
    problems: list[VerificationFailed] = []
    for signature in signatures(head):
        for keys in artifact.signers:
            try:
                return verify_detached(head.signed, signature, keys, verifier)
            except VerificationFailed as error:
                problems.append(error)
    if not problems:
        raise VerificationFailed(
            f"`{artifact.name}` is not signed, and neither is the index of its repository: nothing vouches for it"
        )
    problem = problems[0]
    said = f"the package `{artifact.name}` cannot be verified: {problem.message}"
    raise VerificationFailed(said, hint=problem.hint) from problem


def _check_label(head: RpmHeader, artifact: Artifact) -> None:
    """All of name, epoch, version, release and architecture, letter by letter: createrepo copies them."""
    header = head.header
    epoch = header.numbers(rpmheader.EPOCH)
    version = f"{epoch[0]}:" if epoch and epoch[0] else ""
    version += f"{header.text(rpmheader.VERSION)}-{header.text(rpmheader.RELEASE)}"
    there = f"{header.text(rpmheader.NAME)} {version}.{header.text(rpmheader.ARCHITECTURE)}"
    offered = f"{artifact.name} {artifact.version}.{rpm_architecture(artifact.architecture)}"
    if not header.text(rpmheader.SOURCE_PACKAGE):
        there = f"{there}, a source package"
    if there != offered:
        raise VerificationFailed(f"the index offers `{offered}`, but what is there is `{there}`")


def _check_payload(head: RpmHeader, file: BinaryIO, artifact: Artifact) -> None:
    algorithm, stated = head.payload_digest
    if algorithm not in _GOOD_DIGESTS:
        raise VerificationFailed(
            f"the signature of `{artifact.name}` covers its header alone, and that states no hash of what is in it"
        )
    digest = hashlib.new(algorithm)
    while piece := file.read(_PIECE):
        digest.update(piece)
    if digest.hexdigest() != stated:
        raise VerificationFailed(f"what is in `{artifact.name}` is not what its signed header says")
