"""What a system mounts when it boots: fstab(5)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class FstabEntry:
    device: str
    point: str
    """Without a leading slash; empty for the root."""
    type: str
    options: tuple[str, ...]


def parse_fstab(text: str) -> tuple[FstabEntry, ...]:
    """The file systems that have a mount point. A line that says nothing like that is passed over."""
    lines = (line.split() for line in text.splitlines() if not line.lstrip().startswith("#"))
    return tuple(
        FstabEntry(words[0], _plain(words[1]).strip("/"), words[2], tuple(words[3].split(",")))
        for words in ([*one, "defaults"] for one in lines if len(one) >= 3)
        if words[1].startswith("/")
    )


def _plain(path: str) -> str:
    """A blank stands as `\\040`."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), path)
