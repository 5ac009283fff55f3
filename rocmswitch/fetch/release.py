"""The Release file of a suite, believed only with its signature, its dates and its suite in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from rocmswitch.errors import NotFound, VerificationFailed
from rocmswitch.fetch.dates import Dates, shown
from rocmswitch.fetch.indexstore import Envelope, IndexStore
from rocmswitch.fetch.keyring import Keyring, Reader
from rocmswitch.fetch.place import Place
from rocmswitch.fetch.provision import Provision
from rocmswitch.fetch.signature import verify_detached, verify_inline
from rocmswitch.fetch.signed import Keys, Signed, Verifier
from rocmswitch.metadata.deb import Release, parse_release

MAX_RELEASE = 16 * 1024 * 1024
"""Bytes. Debian's have 0.2 MB."""

MAX_SIGNATURE = 1024 * 1024


@dataclass(frozen=True)
class TrustedRelease:
    """A Release file that was verified."""

    release: Release
    fingerprint: str
    expired: bool
    """Valid-Until had passed, which the user allowed."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Releases:
    """Fetches, reads back and verifies Release files."""

    http: Reader
    store: IndexStore
    keyring: Keyring
    verifier: Verifier
    now: datetime
    allow_expired: bool
    provision: Provision = Provision()

    def fetch(self, place: Place) -> Envelope:
        """InRelease, else Release with Release.gpg. Raises NotFound, NetworkFailed, VerificationFailed."""
        try:
            return Envelope(self.http.read(place.in_suite("InRelease"), limit=MAX_RELEASE))
        except NotFound:
            content = self.http.read(place.in_suite("Release"), limit=MAX_RELEASE)
        try:
            signature = self.http.read(place.in_suite("Release.gpg"), limit=MAX_SIGNATURE)
        except NotFound as error:
            raise VerificationFailed(f"`{place.name}` is not signed") from error
        return Envelope(content, signature)

    def trust(self, place: Place, envelope: Envelope) -> TrustedRelease:
        """Check the signature, the dates and the suite of *envelope*. Remembers nothing.

        Raises VerificationFailed, MachineLacks, and NetworkFailed or NotFound where a key cannot be fetched.
        """
        signed = self._verify(place, envelope)
        release = parse_release(signed.text, place.name)
        expired = self._check_dates(place, release)
        warnings = (*signed.warnings, *_check_suite(place, release), *self._tell_age(place, release))
        return TrustedRelease(release, signed.fingerprint, expired, warnings)

    def _verify(self, place: Place, envelope: Envelope) -> Signed:
        return self.keyring.verified(place, lambda keys: self._verify_with(envelope, keys))

    def _verify_with(self, envelope: Envelope, keys: Keys) -> Signed:
        if envelope.signature:
            return verify_detached(envelope.content, envelope.signature, keys, self.verifier)
        return verify_inline(envelope.content, keys, self.verifier)

    def _check_dates(self, place: Place, release: Release) -> bool:
        """Refuse what is of the future, older than what was seen, or, unless that is allowed, expired."""
        self.dates.check(place, release.date)
        if release.valid_until is None or release.valid_until >= self.now:
            return False
        if not (self.allow_expired or self._was_in_date(release)):
            raise VerificationFailed(
                f"the index `{place.name}` was valid until {shown(release.valid_until)} only",
                hint="if you know why the mirror is behind, run the same command with `--allow-expired`",
            )
        return True

    @property
    def dates(self) -> Dates:
        return Dates(self.store, self.now, self.allow_expired, self.provision)

    def _was_in_date(self, release: Release) -> bool:
        until = release.valid_until
        return until is not None and self.provision.was_in_date(release.date, until, self.now)

    def _tell_age(self, place: Place, release: Release) -> tuple[str, ...]:
        """What to say of an index that has run out since its bundle was made."""
        made, until = self.provision.made, release.valid_until
        if made is None or until is None or until >= self.now or not self._was_in_date(release):
            return ()
        return (
            f"the index `{place.name}` was valid until {shown(until)} only, as it was when the bundle was made, "
            f"{(self.now - made).days} days ago: there may be newer packages",
        )


def _check_suite(place: Place, release: Release) -> tuple[str, ...]:
    """Another suite's index has a good signature too. Of AMD's releases only the version tells them apart."""
    warnings = []
    names = tuple(dict.fromkeys(name for name in (release.suite, release.codename) if name))
    if names and place.suite not in names:
        message = f"the index `{place.name}` says that it is of `{'` and `'.join(names)}`"
        if place.strict_suite:
            raise VerificationFailed(message)
        warnings.append(message)
    folder = urlsplit(place.url).path.rpartition("/")[2]
    if _is_version(folder) and _is_version(release.version) and _shortened(release.version) != _shortened(folder):
        warnings.append(f"the index `{place.name}` says that it is of version `{release.version}`")
    return tuple(warnings)


def _is_version(text: str) -> bool:
    return "." in text and all(part.isdigit() for part in text.split("."))


def _shortened(version: str) -> str:
    """AMD's folders drop the last part of 6.2.0."""
    return version.removesuffix(".0") if version.count(".") > 1 else version
