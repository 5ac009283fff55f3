"""What pacman keeps of one package it has installed: `desc`, `files`, `mtree`; their text to values."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ESCAPED = re.compile(rb"\\([0-7]{3})")
_DIGEST = re.compile(rb"^(\S+)(?=[^\n]*? sha256digest=([0-9a-f]{64}))", re.MULTILINE)


def parse_desc(content: bytes) -> Mapping[str, tuple[str, ...]]:
    """Sections by name: `%NAME%`, its lines below it, then an empty line."""
    sections: dict[str, list[str]] = {}
    name = ""
    for line in content.decode(errors="surrogateescape").split("\n"):
        if len(line) > 2 and line.startswith("%") and line.endswith("%"):
            name = line.strip("%")
            sections[name] = []
        elif line and name:
            sections[name].append(line)
    return {name: tuple(lines) for name, lines in sections.items()}


def parse_mtree(content: bytes) -> Mapping[str, str]:
    """SHA-256 by path, without a leading slash: `./usr/lib/a\\040b time=… sha256digest=…`, mtree(5)."""
    return {_path(path): digest.decode() for path, digest in _DIGEST.findall(content)}


def _path(name: bytes) -> str:
    plain = _ESCAPED.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), name)
    return plain.removeprefix(b"./").decode(errors="surrogateescape")
