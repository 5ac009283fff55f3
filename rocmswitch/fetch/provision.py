"""How repositories are opened where the scope's cache of indexes is left alone: for a bundle, and from one.

What remains trusted of a bundle is whoever made it, and only as far as signatures leave room. Its indexes are
verified as if a server had sent them: by the keys that a manifest pins, with hashes of everything. A bundle cannot
prove when it was made, anybody may write that day into it. It says a day; that counts only where the signed index
was in date then, Date to Valid-Until. So who forges the day can pass off an old signed state as the newest, of a
time when it was signed and valid, as a mirror that nobody updates could, and no other: never anything
unsigned, and never anything behind what this machine has seen of the same suite (without `--allow-expired`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rocmswitch.fetch.indexstore import Envelope, IndexStore, Kept

AnyPlace = tuple[str, str]
"""A URL and a suite."""


@dataclass(frozen=True)
class Passing(IndexStore):
    """Keeps nothing but the newest dates seen: the rest is gone with this process.

    *aliases* are other addresses that this machine knows a repository by, whose newest date counts as well.
    """

    aliases: Mapping[AnyPlace, tuple[AnyPlace, ...]] = field(default_factory=dict)
    made: dict[str, bytes] = field(default_factory=dict)
    """Indexes, by what they were made of."""

    def release(self, url: str, suite: str) -> Kept | None:
        return None

    def keep_release(self, url: str, suite: str, envelope: Envelope) -> None:
        return None

    def key(self, url: str) -> Kept | None:
        return None

    def keep_key(self, url: str, content: bytes) -> None:
        return None

    def index(self, url: str, suite: str, listed: str, digest: str) -> memoryview | None:
        found = self.made.get(_name(url, suite, listed, digest))
        return None if found is None else memoryview(found)

    def keep_index(self, url: str, suite: str, listed: str, digest: str, content: bytes) -> None:
        self.made[_name(url, suite, listed, digest)] = content

    def forget_other_indexes(self, url: str, suite: str, listed: str, digest: str) -> None:
        return None

    def seen(self, url: str, suite: str) -> datetime | None:
        places = ((url, suite), *self.aliases.get((url, suite), ()))
        dates = [date for place in places if (date := super(Passing, self).seen(*place)) is not None]
        return max(dates, default=None)


@dataclass(frozen=True)
class Provision:
    """What differs for a bundle from opening what servers have today."""

    store: IndexStore | None = None
    """None for the scope's own cache."""
    keys: tuple[bytes, ...] = ()
    """Copies of keys besides those of the machine and of the manifest's URLs."""
    made: datetime | None = None
    """When the bundle says that it was made: an index that was in date then warns only."""
    names: frozenset[str] = frozenset()
    """Only packages of these names are read, which is quicker; empty for all."""
    plain: dict[str, str] | None = None
    """By the address of each list of packages that is fetched, that of its plain form, which may not be there: for
    who keeps it packed anew. Then the form is taken that unpacks fastest, not the smallest."""

    def was_in_date(self, date: datetime, valid_until: datetime, now: datetime) -> bool:
        """Whether an index of *date* was in date on the day that the bundle names, which is not to come."""
        return self.made is not None and date <= self.made <= valid_until and self.made <= now


def _name(*words: str) -> str:
    return "\n".join(words)
