"""Copies of a repository's keys, from the nearest to the farthest: any of them may be the one that helps.

A copy is never trusted, the pinned fingerprint is. So copies are tried in turn: the machine's own keyring, what
was fetched lately, what the key's URL has today. A key that has run out has often been extended there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from rocmswitch.errors import MachineLacks, NetworkFailed, NotFound, RocmswitchError, VerificationFailed
from rocmswitch.fetch.indexstore import IndexStore
from rocmswitch.fetch.place import Place
from rocmswitch.fetch.signed import KeyMissing, KeyOutdated, Keys

MAX_KEY = 1024 * 1024
"""Bytes of a key file. Debian's whole keyring has 56 kB."""

KEY_FRESH = timedelta(days=1)
"""As long a fetched copy is used without asking again: a revocation must arrive."""

Result = TypeVar("Result")


class Reader(Protocol):
    """The part of `fetch.http.Http` that indexes need."""

    def read(self, url: str, *, limit: int) -> bytes: ...

    def length(self, url: str) -> int | None: ...

    def unpacked(self, url: str) -> Iterator[bytes] | None: ...


class NoNetwork:
    """A Reader for who said that there is none."""

    def read(self, url: str, *, limit: int) -> bytes:
        raise NetworkFailed(f"`{url}` is not kept here, and no network is to be used")

    def length(self, url: str) -> int | None:
        raise NetworkFailed(f"`{url}` is not kept here, and no network is to be used")

    def unpacked(self, url: str) -> Iterator[bytes] | None:
        return None


@dataclass(frozen=True)
class KeyCopy:
    """One copy of the keys. `url` is set where it was just fetched and is worth keeping, once it has helped."""

    keys: Keys
    url: str = ""


@dataclass(frozen=True)
class Keyring:
    """Where copies of keys come from. Offline, the age of a copy does not matter."""

    http: Reader
    store: IndexStore
    now: datetime
    offline: bool
    more: tuple[bytes, ...] = ()
    """Copies that came with a bundle."""

    def copies(self, place: Place) -> Iterator[KeyCopy]:
        """Every copy, the next one being looked for only when it is asked for.

        Raises NetworkFailed, NotFound or VerificationFailed at the end, if a URL could not be read.
        """
        fingerprints = place.key.fingerprints
        own = _host_keyring(place.key.keyring)
        if own:
            yield KeyCopy(Keys(fingerprints, own))
        yield from (KeyCopy(Keys(fingerprints, one)) for one in self.more)
        failure: RocmswitchError | None = None
        for url in place.key_urls:
            kept = self.store.key(url)
            fresh = kept is not None and (self.offline or kept.is_younger_than(KEY_FRESH, self.now))
            if kept and fresh:
                yield KeyCopy(Keys(fingerprints, kept.content))
            if self.offline:
                continue
            try:
                fetched = self.http.read(url, limit=MAX_KEY)
            except (NetworkFailed, NotFound, VerificationFailed) as error:
                failure = error
                if kept and not fresh:
                    yield KeyCopy(Keys(fingerprints, kept.content))
            else:
                yield KeyCopy(Keys(fingerprints, fetched), url)
        if failure:
            raise failure

    def verified(self, place: Place, attempt: Callable[[Keys], Result]) -> Result:
        """What *attempt* gives with the first copy that helps, which is kept.

        Raises VerificationFailed, MachineLacks, and NetworkFailed or NotFound where a key cannot be fetched.
        """
        failure: RocmswitchError | None = None
        try:
            for copy in self.copies(place):
                try:
                    result = attempt(copy.keys)
                except (KeyMissing, KeyOutdated) as error:
                    failure = error
                else:
                    self.keep(copy)
                    return result
        except (NetworkFailed, NotFound):
            if failure is None:
                raise
        except (VerificationFailed, MachineLacks) as error:
            failure = error
        failure = failure or KeyMissing("there is no copy of the keys that the manifest pins")
        message = f"the index `{place.name}` cannot be verified: {failure.message}"
        raise type(failure)(message, hint=failure.hint) from failure

    def collected(self, place: Place, is_pinned: Callable[[Keys], bool]) -> tuple[Keys, ...]:
        """Every copy that can be had, for what is to be verified later; of those fetched, the ones that hold a
        pinned key. Raises as `verified` where there is none.
        """
        found: list[Keys] = []
        try:
            for copy in self.copies(place):
                if not copy.url or is_pinned(copy.keys):
                    found.append(copy.keys)
                    self.keep(copy)
        except (NetworkFailed, NotFound, VerificationFailed):
            if not found:
                raise
        if not found:
            raise KeyMissing(f"no copy of the keys of `{place.name}` holds one that the manifest pins")
        return tuple(dict.fromkeys(found))

    def keep(self, copy: KeyCopy) -> None:
        """Keep a copy that has helped."""
        if copy.url:
            self.store.keep_key(copy.url, copy.keys.material)


def _host_keyring(path: str) -> bytes:
    """The machine's own copy; empty where it has none or does not let us read it, because there are others."""
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_KEY)
    except OSError:
        return b""
