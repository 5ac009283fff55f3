"""Which mirror this machine's own apt uses for its distribution's archive.

Only the address is taken: not apt's keys, options or pins, because what comes from a mirror is checked against
the keys that the manifest pins. Formats: sources.list(5) and apt-transport-mirror(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.model.host import Host

MAX_FILE = 1024 * 1024
"""Characters of a list of sources that are read."""

_FOLDER = Path("etc/apt")
_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>\S.*)")
_PLAIN_SUITE = re.compile(r"[a-z]+")
"""`bookworm`, not `bookworm-security`, `bookworm-updates` or a flat repository's `./`."""
_MIRROR_FILE = "mirror+file:"
"""What Debian's cloud images write: the address of a file that lists mirrors."""


@dataclass(frozen=True)
class _Entry:
    uri: str
    suite: str
    components: str
    signed_by: str

    def belongs_to(self, archive: str) -> bool:
        """Vendors have suites named after Debian's too, but sign them with keyrings of their own."""
        ours = not self.signed_by or f"{archive}-archive" in self.signed_by
        return ours and bool(_PLAIN_SUITE.fullmatch(self.suite)) and "main" in self.components.split()


def host_mirror(root: Path, archive: str, host: Host) -> str | None:
    """The mirror of *archive* (`debian`) that the machine at *root* installs itself from, or None.

    Derivatives do not count: their sources name an archive of their own. A file that cannot be read is no source.
    """
    if host.distribution != archive:
        return None
    for entry in _entries(root / _FOLDER):
        uri = _listed_mirror(root, entry.uri) if entry.uri.startswith(_MIRROR_FILE) else entry.uri
        if entry.belongs_to(archive) and uri.startswith(("http://", "https://")):
            return uri.rstrip("/")
    return None


def _listed_mirror(root: Path, uri: str) -> str:
    """The first mirror of a list of mirrors: an address, perhaps with attributes, on each line."""
    path = uri.removeprefix(_MIRROR_FILE).lstrip("/")
    words = _text(root / path).split()
    return words[0] if words else ""


def _entries(folder: Path) -> Iterator[_Entry]:
    """Every enabled source of binary packages, in apt's order: sources.list, then sources.list.d by name."""
    parts = folder / "sources.list.d"
    yield from _one_line_entries(_text(folder / "sources.list"))
    for path in sorted([*parts.glob("*.list"), *parts.glob("*.sources")]):
        read = _deb822_entries if path.suffix == ".sources" else _one_line_entries
        yield from read(_text(path))


def _one_line_entries(text: str) -> Iterator[_Entry]:
    for line in text.splitlines():
        match = _LINE.fullmatch(line.partition("#")[0].strip())
        if match:
            signed_by = re.search(r"signed-by=(\S+)", match["options"] or "", re.IGNORECASE)
            yield _Entry(match["uri"], match["suite"], match["components"], signed_by[1] if signed_by else "")


def _deb822_entries(text: str) -> Iterator[_Entry]:
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields = _fields(stanza)
        off = fields.get("enabled", "yes").lower() in ("no", "false", "off", "0", "without", "disable")
        if off or "deb" not in fields.get("types", "").split():
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield _Entry(uri, suite, fields.get("components", ""), fields.get("signed-by", ""))


def _fields(stanza: str) -> dict[str, str]:
    """By name in small letters; continued lines are joined."""
    pairs = (line.partition(":") for line in re.sub(r"\n[ \t]+", " ", stanza).splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _text(path: Path) -> str:
    """What the file says; nothing where it cannot be read, because the archive's main mirror will do then."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(MAX_FILE)
    except OSError:
        return ""
