"""Which mirror this machine's own apt uses for its distribution's archive.

Only the address is taken: not apt's keys, options or pins, because what comes from a mirror is checked against
the keys that the manifest pins. Formats: sources.list(5) and apt-transport-mirror(1).
"""

from __future__ import annotations

import re
from pathlib import Path

from rocmswitch.host.packagesources import apt_entries, text_of
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.aptsources import AptEntry
from rocmswitch.model.host import Host

_PLAIN_SUITE = re.compile(r"[a-z]+")
"""`bookworm`, not `bookworm-security`, `bookworm-updates` or a flat repository's `./`."""
_MIRROR_FILE = "mirror+file:"
"""What Debian's cloud images write: the address of a file that lists mirrors."""


def host_mirror(root: Path, archive: str, host: Host) -> str | None:
    """The mirror of *archive* (`debian`) that the machine at *root* installs itself from, or None.

    Derivatives do not count: their sources name an archive of their own. A file that cannot be read is no source.
    """
    if host.distribution != archive:
        return None
    files = SystemRoot(root)
    for _, entry in apt_entries(files):
        uri = _listed_mirror(files, entry.uri) if entry.uri.startswith(_MIRROR_FILE) else entry.uri
        if _belongs_to(entry, archive) and uri.startswith(("http://", "https://")):
            return uri.rstrip("/")
    return None


def _belongs_to(entry: AptEntry, archive: str) -> bool:
    """Vendors have suites named after Debian's too, but sign them with keyrings of their own."""
    ours = not entry.signed_by or f"{archive}-archive" in entry.signed_by
    return ours and bool(_PLAIN_SUITE.fullmatch(entry.suite)) and "main" in entry.components.split()


def _listed_mirror(files: SystemRoot, uri: str) -> str:
    """The first mirror of a list of mirrors: an address, perhaps with attributes, on each line."""
    words = text_of(files, uri.removeprefix(_MIRROR_FILE)).split()
    return words[0] if words else ""
