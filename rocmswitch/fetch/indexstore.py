"""What is kept of repositories: signed files as they came, indexes made of them, keys, and the newest dates seen.

All but the dates is a cache: it may be deleted, and what is read from it is verified again. The dates lie with
the data, because who could delete them could serve an old index as a new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import shlex
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rocmswitch.errors import VerificationFailed
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.reading import open_regular, read_regular

_DETACHED = b"detached signature\n"


@dataclass(frozen=True)
class Envelope:
    """A Release file with its signature as they came: InRelease, or Release and Release.gpg."""

    content: bytes
    signature: bytes = b""
    """Empty where *content* holds it."""

    def encode(self) -> bytes:
        """One file for both, so that they cannot part."""
        if not self.signature:
            return self.content
        return _DETACHED + f"{len(self.content)}\n".encode() + self.content + self.signature

    @classmethod
    def decode(cls, data: bytes) -> Envelope:
        """Whatever it is, its signature has to hold again."""
        if not data.startswith(_DETACHED):
            return cls(data)
        size, _, rest = data.removeprefix(_DETACHED).partition(b"\n")
        length = int(size) if size.isdigit() else 0
        return cls(rest[:length], rest[length:])


@dataclass(frozen=True)
class Kept:
    """Bytes from the cache, and when they were written."""

    content: bytes
    written: datetime

    def is_younger_than(self, age: timedelta, now: datetime) -> bool:
        """Something from the future is of no age that could be trusted."""
        return timedelta(0) <= now - self.written < age


@dataclass(frozen=True)
class IndexStore:
    """The folders `Layout.indexes` and `Layout.seen`."""

    layout: Layout
    disk: Disk

    def release(self, url: str, suite: str) -> Kept | None:
        """The last envelope that was verified."""
        return self._read(self._place(url, suite, "release"))

    def keep_release(self, url: str, suite: str, envelope: Envelope) -> None:
        self._write(self._place(url, suite, "release"), envelope.encode())

    def key(self, url: str) -> Kept | None:
        return self._read(self.layout.indexes / f"{_short(url)}.key")

    def keep_key(self, url: str, content: bytes) -> None:
        self._write(self.layout.indexes / f"{_short(url)}.key", content)

    def index(self, url: str, suite: str, listed: str, digest: str) -> memoryview | None:
        """The index that was made of the Packages file *listed* with the hash *digest*.

        It is mapped, not read: of 22 MB a closure touches a few hundred pages. Nobody writes into it, it is
        replaced by another file.
        """
        path = self._index_path(url, suite, listed, digest)
        try:
            with disk_errors(path), open_regular(path) as file:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (FileNotFoundError, ValueError):  # an empty file cannot be mapped
            return None

    def keep_index(self, url: str, suite: str, listed: str, digest: str, content: bytes) -> None:
        self._write(self._index_path(url, suite, listed, digest), content)

    def forget_other_indexes(self, url: str, suite: str, listed: str, digest: str) -> None:
        """Remove those made of earlier states of *listed*, which no release that is kept names any more."""
        path = self._index_path(url, suite, listed, digest)
        for old in self.layout.indexes.glob(f"{path.name.rpartition('-')[0]}-*.index"):
            if old != path:
                with disk_errors(old), contextlib.suppress(FileNotFoundError):  # another rocmswitch tidies up too
                    self.disk.remove(old)

    def seen(self, url: str, suite: str) -> datetime | None:
        """The newest Date of a verified Release file of this suite. Raises VerificationFailed."""
        path = self._seen_path(url, suite)
        kept = self._read(path)
        if kept is None:
            return None
        try:
            return datetime.fromisoformat(json.loads(kept.content)["date"]).astimezone(timezone.utc)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise VerificationFailed(
                f"`{path}`, which holds the newest date seen, cannot be read: an older index would not be noticed",
                hint=f"if you trust this network, run `rm {shlex.quote(str(path))}`, then the same command",
            ) from error

    def saw(self, url: str, suite: str, date: datetime) -> None:
        """Remember *date*, of a Release file whose signature was verified."""
        content = json.dumps({"url": url, "suite": suite, "date": date.isoformat()}) + "\n"
        self._write(self._seen_path(url, suite), content.encode())

    def _place(self, url: str, suite: str, kind: str) -> Path:
        return self.layout.indexes / f"{_short(url, suite)}.{kind}"

    def _index_path(self, url: str, suite: str, listed: str, digest: str) -> Path:
        return self.layout.indexes / f"{_short(url, suite, listed)}-{digest}.index"

    def _seen_path(self, url: str, suite: str) -> Path:
        return self.layout.seen / f"{_short(url, suite)}.json"

    def _read(self, path: Path) -> Kept | None:
        try:
            with disk_errors(path):
                content = read_regular(path)
        except FileNotFoundError:
            return None
        return Kept(content, datetime.fromtimestamp(path.stat().st_mtime, timezone.utc))

    def _write(self, path: Path, content: bytes) -> None:
        with disk_errors(path):
            self.disk.make_directories(path.parent)
            self.disk.replace_file(path, content)


def _short(*words: str) -> str:
    """A file name for a URL and what belongs to it."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:24]
