"""The verifier for machines without gpgv: pysequoia under its standard policy, which accepts no SHA-1 at all.

pysequoia has one kind of error, RuntimeError, and says `no valid signatures found` whatever the reason is:
the reason is found afterwards, for the message only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from pysequoia import Cert, Decrypted, Sig, verify
from pysequoia.packet import PacketPile, SignatureType

from rocmswitch.errors import MachineLacks, RocmswitchError, VerificationFailed
from rocmswitch.fetch.signed import KeyMissing, KeyOutdated, Keys, Signed, first_line, stated_subkey

_REVOCATIONS = (SignatureType.KeyRevocation, SignatureType.SubkeyRevocation)


@dataclass(frozen=True)
class Sequoia:
    """See `signature.Verifier`."""

    def inline(self, signed: bytes, keys: Keys) -> Signed:
        store = _Store(_pinned(keys), keys.fingerprints)
        done = store.verify(signed, None)
        return store.accepted(done, done.bytes or b"")

    def detached(self, text: bytes, signature: bytes, keys: Keys) -> Signed:
        store = _Store(_pinned(keys), keys.fingerprints)
        try:
            parsed = Sig.from_bytes(signature)
        except RuntimeError as error:
            raise VerificationFailed(f"the signature cannot be read: {first_line(error)}") from error
        return store.accepted(store.verify(text, parsed), text)


def _pinned(keys: Keys) -> list[Cert]:
    """Those with a pinned primary key; and with a pinned subkey, to say so."""
    pinned = {one.lower() for one in keys.fingerprints}
    try:
        found = [one for one in Cert.split_bytes(keys.material) if not pinned.isdisjoint(_keys(one))]
    except RuntimeError as error:
        raise KeyMissing(f"the key file cannot be read: {first_line(error)}") from error
    if not found:
        raise KeyMissing("the key file holds none of the keys that the manifest pins")
    return found


@dataclass
class _Store:
    """The pinned keys, and which keys Sequoia asked for: those that the signatures name."""

    certificates: Sequence[Cert]
    fingerprints: tuple[str, ...]
    asked: list[str] = field(default_factory=list)

    def verify(self, content: bytes, signature: Sig | None) -> Decrypted:
        try:
            return verify(bytes=content, store=self._give, signature=signature)
        except RuntimeError as error:
            raise self._refusal(error) from error

    def accepted(self, done: Decrypted, text: bytes) -> Signed:
        """Sequoia still believes a key that was retired after it signed; we do not, as with gpgv."""
        by_fingerprint = {one.fingerprint: one for one in self.certificates}
        for one in done.valid_sigs:
            certificate = by_fingerprint[one.certificate]
            if _revoked_keys(certificate).isdisjoint({one.certificate, one.signing_key}):
                if one.certificate.upper() not in self.fingerprints:
                    raise self._by_subkey(one.certificate.upper(), one.signing_key.upper())
                return Signed(text, one.certificate.upper(), _expiry_warning(certificate))
        signers = ", ".join(one.certificate.upper() for one in done.valid_sigs)
        raise VerificationFailed(f"the key `{signers}` or its signing subkey is revoked")

    def _by_subkey(self, primary: str, signer: str) -> KeyMissing:
        if signer in self.fingerprints:
            return stated_subkey(signer, primary)
        return KeyMissing(f"the signing key `{primary}` is not one that the manifest pins")

    def _give(self, names: list[str]) -> list[Cert]:
        self.asked += names
        return list(self.certificates)

    def _refusal(self, error: RuntimeError) -> RocmswitchError:
        signers = [one for one in self.certificates if self._signed(one)]
        if not self.asked:
            return VerificationFailed(f"the file has no signature that can be read: {first_line(error)}")
        if not signers:
            return KeyMissing(f"the signing key `{self.asked[0].upper()}` is not one that the manifest pins")
        return _reason(signers[0])

    def _signed(self, certificate: Cert) -> bool:
        return any(key.endswith(name.lower()) for name in self.asked for key in _keys(certificate))


def _reason(signer: Cert) -> RocmswitchError:
    fingerprint = signer.fingerprint.upper()
    try:
        expiry = signer.expiration
    except RuntimeError as error:
        if "SHA1" not in str(error):
            return VerificationFailed(f"the key `{fingerprint}` cannot be used: {first_line(error)}")
        return MachineLacks(
            f"the key `{fingerprint}` is bound to its name with SHA-1, which only gpgv accepts",
            hint="install gpgv: `sudo apt install gpgv`, or the package gnupg2 where there is no apt",
        )
    if not _revoked_keys(signer).isdisjoint(_keys(signer)):
        return VerificationFailed(f"the key `{fingerprint}` or its signing subkey is revoked")
    if expiry is not None and expiry < datetime.now(timezone.utc):
        return KeyOutdated(f"the signature by `{fingerprint}` was made after the key's end on {expiry.date()}")
    return VerificationFailed(
        f"the signature by `{fingerprint}` does not hold: it or the text was changed, it has expired, "
        "or its hash can be forged"
    )


def _expiry_warning(certificate: Cert) -> tuple[str, ...]:
    expiry = certificate.expiration
    if expiry is None or expiry >= datetime.now(timezone.utc):
        return ()
    return (f"the key `{certificate.fingerprint.upper()}` expired on {expiry.date()}; it signed before",)


def _keys(certificate: Cert) -> set[str]:
    """Fingerprints of the primary key and its subkeys, in small letters."""
    packets = PacketPile.from_bytes(bytes(certificate))
    return {str(one.fingerprint) for one in packets if one.fingerprint}


def _revoked_keys(certificate: Cert) -> set[str]:
    """Those that a revocation follows, for whatever reason and whenever."""
    revoked, current = set(), ""
    for packet in PacketPile.from_bytes(bytes(certificate)):
        current = packet.fingerprint or current
        if packet.signature_type in _REVOCATIONS:
            revoked.add(current)
    return revoked
