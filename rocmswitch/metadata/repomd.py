"""repomd.xml: what an rpm repository's index consists of, and when it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.xmlstream import BASE, Attributes, read_elements
from rocmswitch.model.grammar import is_plain_path
from rocmswitch.model.package import Digest

PRIMARY, FILELISTS = "primary", "filelists"
WANTED = (PRIMARY, FILELISTS)
"""Of the types of data. The databases of the same content, groups and advisories are not read."""

_MAX_LISTED = 1 << 32
"""Bytes that a listed file may state."""
_LATEST = 253_402_300_799
"""Seconds: the end of the year 9999."""


@dataclass(frozen=True)
class RepomdFile:
    """A file that repomd.xml lists. Sizes are bytes; of the open form they may be unknown."""

    path: str
    """Below the repository's root: `repodata/….xml.gz`."""
    size: int | None
    digest: Digest
    open_size: int | None
    open_digest: Digest | None
    """Without its compression."""

    @property
    def identity(self) -> Digest:
        """What names the content, however it is compressed."""
        return self.open_digest or self.digest


@dataclass(frozen=True)
class Repomd:
    """What repomd.xml says."""

    made: datetime
    """The newest of its files' times, in UTC; where it states none, its revision, which may be any word."""
    files: Mapping[str, RepomdFile] = field(default_factory=dict)
    """By the type of data: WANTED."""


def parse_repomd(text: bytes, source: str) -> Repomd:
    """Read repomd.xml. *source* names it in messages.

    Raises VerificationFailed where what is needed is missing or has no meaning, and where only MD5 or SHA-1
    sums are offered.
    """
    reading = _Reading(source)
    for _ in read_elements([text], reading, source):
        pass
    if not reading.root:
        raise VerificationFailed(f"`{source}` is not the index of an rpm repository")
    if PRIMARY not in reading.files:
        raise VerificationFailed(f"`{source}` lists no `primary`: no index of packages")
    times = reading.times or reading.revisions
    if not times:
        raise VerificationFailed(f"`{source}` does not say when it was made")
    return Repomd(datetime.fromtimestamp(max(times), timezone.utc), reading.files)


class _Reading:
    """Collects the wanted data elements."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.root = False
        self.files: dict[str, RepomdFile] = {}
        self.times: list[int] = []
        self.revisions: list[int] = []
        self._type = ""
        self._values: dict[str, str] = {}
        self._algorithms: dict[str, str] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "repomd":
            self.root = True
        elif name == "data":
            self._type, self._values, self._algorithms = attributes.get("type", ""), {}, {}
        elif name in ("checksum", "open-checksum"):
            self._algorithms[name] = attributes.get("type", "").lower()
        elif name == "location":
            self._values["location"] = attributes.get("href", "")
            if BASE in attributes:
                self._values["base"] = "elsewhere"

    def end(self, name: str, text: str) -> None:
        if name == "revision":
            self.revisions += _seconds(text)
        elif name == "data" and self._type in WANTED and self._type not in self.files:
            self.files[self._type] = self._file()
        elif name in ("checksum", "open-checksum", "size", "open-size"):
            self._values[name] = text
        elif name == "timestamp" and self._type in WANTED:
            self.times += _seconds(text)

    def _file(self) -> RepomdFile:
        path = self._values.get("location", "")
        if not is_plain_path(path) or "base" in self._values:
            raise VerificationFailed(f"`{self._source}` lists `{path[:80]}`, which is no path in a repository")
        digest = self._digest("checksum")
        if digest is None:
            raise VerificationFailed(f"`{self._source}` states no hash of `{path}`")
        return RepomdFile(path, self._size("size"), digest, self._size("open-size"), self._digest("open-checksum"))

    def _digest(self, name: str) -> Digest | None:
        value = self._values.get(name)
        return Digest(self._algorithms.get(name, ""), value.lower()) if value else None

    def _size(self, name: str) -> int | None:
        text = self._values.get(name, "")
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 12 or int(text) > _MAX_LISTED:
            raise VerificationFailed(f"`{self._source}` states the size `{text[:20]}`")
        return int(text)


def _seconds(text: str) -> list[int]:
    """A time since 1970, if *text* is one; some tools write fractions of seconds."""
    whole = text.partition(".")[0]
    usable = whole.isascii() and whole.isdigit() and len(whole) <= 12 and int(whole) <= _LATEST
    return [int(whole)] if usable else []
