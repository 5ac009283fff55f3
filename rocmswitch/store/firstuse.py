"""The hashes that files had when they were first used, by their address: what they have to be from then on.

They lie with the data, not in the cache: who could delete them could put another file in the place of the first.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.package import Digest
from rocmswitch.system.disk import Disk, disk_errors


class Replaced(VerificationFailed):
    """A file is not what it was at its first use: `found` is what it has now."""

    def __init__(self, url: str, known: Digest, found: Digest) -> None:
        super().__init__(
            f"`{_plain(url)}` had the hash `{known.value}` when it was first used, and has `{found.value}` now: "
            "its vendor has replaced it, or somebody else has"
        )
        self.found = found


class FirstUse:
    """The folder of these records; *others* are those of other scopes, which count and are never written.

    What the user says to be *accepted* may take the place of what was there first, and is recorded then.
    """

    def __init__(
        self,
        folder: Path,
        disk: Disk,
        others: tuple[Path, ...] = (),
        *,
        accepted: frozenset[Digest] = frozenset(),
    ) -> None:
        self._folder = folder
        self._disk = disk
        self._others = others
        self.accepted = accepted

    def known(self, url: str) -> Digest | None:
        """The hash that *url* had at its first use; None before. Raises VerificationFailed for a garbled record."""
        found = (self._read(folder / _record(url)) for folder in (self._folder, *self._others))
        return next((digest for digest in found if digest is not None), None)

    def _read(self, path: Path) -> Digest | None:
        try:
            return Digest.sha256(json.loads(path.read_bytes())["sha256"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise VerificationFailed(
                f"`{path}`, which holds the hash of a file's first use, cannot be read",
                hint=f"if you trust this network, run `rm {shlex.quote(str(path))}`, then the same command",
            ) from error

    def check(self, url: str, stated: Digest) -> None:
        """Raise Replaced where *stated* is another hash than at the first use, and none that is accepted."""
        known = self.known(url)
        if known is not None and known != stated and stated not in self.accepted:
            raise Replaced(url, known, stated)

    def saw(self, url: str, digest: Digest) -> None:
        """Remember the hash of a file that was just verified or, the first time, taken. Raises as `check`."""
        known = self.known(url)
        if not url.startswith("file:") and (known is None or (known != digest and digest in self.accepted)):
            self._write(url, digest)
        self.check(url, digest)

    def accept(self, url: str, digest: Digest) -> None:
        """Require *digest* of *url* from now on, whatever it was before: the user has said so."""
        if not url.startswith("file:"):
            self._write(url, digest)

    def forget(self, url: str) -> None:
        """Let the next use be the first: what came could not be used."""
        path = self._folder / _record(url)
        with disk_errors(path):
            self._disk.discard(path)

    def _write(self, url: str, digest: Digest) -> None:
        path = self._folder / _record(url)
        content = json.dumps({"url": _plain(url), "sha256": digest.value}) + "\n"
        with disk_errors(path):
            self._disk.make_directories(path.parent)
            self._disk.replace_file(path, content.encode())


def _record(url: str) -> str:
    return f"{hashlib.sha256(_plain(url).encode()).hexdigest()[:24]}.json"


def _plain(url: str) -> str:
    """Without a password, a query and a fragment: the same file, whoever asks."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
