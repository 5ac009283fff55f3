"""The index of an rpm repository: repomd.xml, by its own signature or as far as its packages have theirs.

    repomd.xml.asc ─ signature ─▶ repomd.xml ─▶ hash ─ primary.xml ─▶ index ─▶ hash ─ package

AMD's el repositories are configured with gpgcheck alone: there the packages are signed and repomd.xml need not be.
Then nothing in the index is believed. What it leads to is checked by the signature in each package's own header,
by the pinned key, which also says which package in which version it is; but that it is the newest one nobody says.
A repository whose repomd.xml was seen signed has to stay so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from rocmswitch.errors import Failed, NotFound, VerificationFailed
from rocmswitch.fetch.compressed import (
    DECOMPRESSORS,
    ahead,
    check_readable,
    checked,
    decompressed,
    half_synchronised,
    read_listed,
)
from rocmswitch.fetch.dates import Dates
from rocmswitch.fetch.indexstore import Envelope, IndexStore
from rocmswitch.fetch.keyfile import all_fingerprints_in
from rocmswitch.fetch.keyring import Keyring, Reader
from rocmswitch.fetch.place import Place
from rocmswitch.fetch.signature import verify_detached
from rocmswitch.fetch.signed import Keys, Signed, Verifier
from rocmswitch.metadata.primary import Listed, read_owners, read_primary
from rocmswitch.metadata.repomd import FILELISTS, PRIMARY, WANTED, Repomd, RepomdFile, parse_repomd
from rocmswitch.metadata.rpmindex import ARCHITECTURES, Owners, RpmIndex, UnknownPaths, encode_index
from rocmswitch.model.package import Digest

REPOMD = "repodata/repomd.xml"
MAX_REPOMD = 4 * 1024 * 1024
"""Bytes. Fedora's have 6 kB."""
MAX_SIGNATURE = 1024 * 1024
WHAT = "its repomd.xml"


@dataclass(frozen=True)
class TrustedRepomd:
    """What is known of a repository's state, and by whose word."""

    repomd: Repomd
    fingerprint: str
    """Of who signed it; empty where its packages are signed and it is not."""
    signers: tuple[Keys, ...] = ()
    """By which its packages are to be checked one by one, where it is not signed itself."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repomds:
    """Fetches, reads back and verifies repomd.xml."""

    http: Reader
    store: IndexStore
    keyring: Keyring
    verifier: Verifier
    dates: Dates

    def fetch(self, place: Place) -> Envelope:
        """repomd.xml, with its signature where it has one. Raises NotFound, NetworkFailed, VerificationFailed."""
        (url,) = place.in_repository(REPOMD)[:1]
        content = self.http.read(url, limit=MAX_REPOMD)
        try:
            return Envelope(content, self.http.read(f"{url}.asc", limit=MAX_SIGNATURE))
        except NotFound:
            return Envelope(content)

    def trust(self, place: Place, envelope: Envelope) -> TrustedRepomd:
        """Check the signature and the date of *envelope*. Remembers nothing.

        Raises VerificationFailed, MachineLacks, and NetworkFailed or NotFound where a key cannot be fetched.
        """
        if not envelope.signature:
            return self._unsigned(place, envelope)
        signed = self.keyring.verified(place, lambda keys: self._verify(envelope, keys))
        repomd = parse_repomd(signed.text, place.name)
        self.dates.check(place, repomd.made)
        return TrustedRepomd(repomd, signed.fingerprint, warnings=signed.warnings)

    def _verify(self, envelope: Envelope, keys: Keys) -> Signed:
        return verify_detached(envelope.content, envelope.signature, keys, self.verifier)

    def _unsigned(self, place: Place, envelope: Envelope) -> TrustedRepomd:
        """Dates are not compared: whoever writes them could lock the user out of what comes later."""
        if self.store.seen(place.url, place.suite) is not None:
            raise VerificationFailed(
                f"the index `{place.name}` was signed before and is not signed now:"
                " the mirror lacks a file, or somebody took the signature away"
            )
        repomd = parse_repomd(envelope.content, place.name)
        signers = self.keyring.collected(place, _holds_pinned)
        warning = f"the index `{place.name}` is not signed: each of its packages has to be signed itself"
        return TrustedRepomd(repomd, "", signers, (warning,))


def _holds_pinned(keys: Keys) -> bool:
    try:
        return not all_fingerprints_in(keys.material).isdisjoint(keys.fingerprints)
    except VerificationFailed:
        return False  # an error page, say: another copy may be better


@dataclass(frozen=True)
class PrimaryReader:
    """Makes indexes, or takes them from the cache."""

    http: Reader
    store: IndexStore
    names: frozenset[str] = frozenset()
    """Only packages of these names are read; empty for all."""

    def open(self, place: Place, repomd: Repomd) -> tuple[RpmIndex, Digest]:
        """The index, and the hash of what it was made of.

        Raises HalfSynchronised, VerificationFailed, NetworkFailed.
        """
        primary = repomd.files[PRIMARY]
        index = self._load(place, repomd)
        if index is None:
            self._make(place, repomd, primary)
            index = self._load(place, repomd)
        if index is None:
            raise Failed(f"the index of `{place.name}` was changed by somebody else while it was made")
        return index, primary.identity

    def forget_others(self, place: Place, repomd: Repomd) -> None:
        """Keep of this repository only the index of *repomd*."""
        self.store.forget_other_indexes(place.url, place.suite, PRIMARY, _made_of(place, repomd))

    def _load(self, place: Place, repomd: Repomd) -> RpmIndex | None:
        data = self.store.index(place.url, place.suite, PRIMARY, _made_of(place, repomd))
        try:
            return RpmIndex(data, str(place.position), only=place.only) if data is not None else None
        except ValueError:
            return None

    def _make(self, place: Place, repomd: Repomd, primary: RepomdFile) -> None:
        check_readable(primary.open_size, f"{place.name}/{primary.path}")
        content = self._fetch(place, primary)
        unknown = UnknownPaths()
        data = encode_index(unknown.listening(self._packages(place, primary, content)))
        if unknown.paths and FILELISTS in repomd.files:
            owned = self._owners(place, repomd.files[FILELISTS], unknown.paths)
            # Once more, with what only the other list tells of: who wants memory for all packages at once?
            data = encode_index(self._packages(place, primary, content), owned) if owned else data
        self.store.keep_index(place.url, place.suite, PRIMARY, _made_of(place, repomd), data)

    def _packages(self, place: Place, primary: RepomdFile, content: bytes) -> Iterator[Listed]:
        architecture = ARCHITECTURES.get(place.architecture, place.architecture)
        pieces = ahead(_open(content, primary, place))
        listed = read_primary(pieces, architecture, f"{place.name}/{primary.path}")
        return (one for one in listed if not self.names or one.name in self.names)

    def _owners(self, place: Place, filelists: RepomdFile, paths: frozenset[str]) -> Owners:
        pieces = ahead(_open(self._fetch(place, filelists), filelists, place))
        owned: dict[tuple[str, str, str], list[str]] = {}
        for path, owner in read_owners(pieces, paths, f"{place.name}/{filelists.path}"):
            owned.setdefault(owner, []).append(path)
        return owned

    def _fetch(self, place: Place, listed: RepomdFile) -> bytes:
        form = _form(listed.path)
        if form not in DECOMPRESSORS:
            raise VerificationFailed(
                f"`{place.name}/{listed.path}` is packed in a way that is not read: only gz, xz and zst are"
            )
        (url,) = place.in_repository(listed.path)[:1]
        try:
            return read_listed(self.http, url, listed, WHAT)
        except NotFound as error:
            raise half_synchronised(url, f"no file, but {WHAT} lists one") from error


def _made_of(place: Place, repomd: Repomd) -> str:
    """What an index depends on. Not on primary.xml alone: the paths in filelists.xml are of whoever listed it."""
    files = (str(repomd.files[kind].identity) for kind in WANTED if kind in repomd.files)
    return hashlib.sha256("\n".join((place.architecture, *files)).encode()).hexdigest()


@dataclass(frozen=True)
class _Opened:
    """What is stated of a list without its compression."""

    size: int | None
    digest: Digest


def _open(content: bytes, listed: RepomdFile, place: Place) -> Iterator[bytes]:
    """Without its compression, in pieces that are checked at the end."""
    name = f"{place.name}/{listed.path}"
    stated = _Opened(listed.open_size, listed.open_digest) if listed.open_digest else None
    return checked(decompressed(content, _form(listed.path), name), stated, name, WHAT)


def _form(path: str) -> str:
    ending = path.rpartition(".")[2]
    return "" if ending == "xml" else ending
