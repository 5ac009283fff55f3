"""What apt takes packages from, and which it prefers: sources.list(5) in both formats, apt_preferences(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_LINE = re.compile(
    r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?:\s+(?P<components>\S.*))?"
)
_OFF = ("no", "false", "off", "0", "without", "disable")

Fields = Mapping[str, tuple[int, str]]
"""By name in small letters: the line that it begins in, and what it says, continued lines joined."""


@dataclass(frozen=True)
class AptEntry:
    """One enabled source of binary packages. `line` counts from 1."""

    line: int
    uri: str
    suite: str
    components: str = ""
    signed_by: str = ""
    """A file, a fingerprint, or the key itself; empty where apt's own keys count."""


@dataclass(frozen=True)
class AptPin:
    """One stanza of preferences whose priority is a number."""

    line: int
    packages: str
    pin: str
    priority: int


def parse_sources(text: str, name: str) -> tuple[AptEntry, ...]:
    """The enabled sources of a file called *name*, whose ending tells the format. What is none is passed over."""
    return tuple(_deb822(text) if name.endswith(".sources") else _one_line(text))


def parse_preferences(text: str) -> tuple[AptPin, ...]:
    """What a file of preferences prefers, or keeps out."""
    found = []
    for fields in _stanzas(text):
        line, packages = fields.get("package", (0, ""))
        priority = _of(fields, "pin-priority")
        if packages and re.fullmatch(r"-?[0-9]{1,6}", priority):
            found.append(AptPin(line, packages, _of(fields, "pin"), int(priority)))
    return tuple(found)


def _one_line(text: str) -> Iterator[AptEntry]:
    for number, line in enumerate(text.split("\n"), 1):
        match = _LINE.fullmatch(line.partition("#")[0].strip())
        if match:
            signed_by = re.search(r"signed-by=(\S+)", match["options"] or "", re.IGNORECASE)
            yield AptEntry(
                number, match["uri"], match["suite"], match["components"] or "", signed_by[1] if signed_by else ""
            )


def _deb822(text: str) -> Iterator[AptEntry]:
    for fields in _stanzas(text):
        if _of(fields, "enabled").lower() in _OFF or "deb" not in _of(fields, "types").split():
            continue
        line = fields.get("uris", (0, ""))[0]
        for uri in _of(fields, "uris").split():
            for suite in _of(fields, "suites").split():
                yield AptEntry(line, uri, suite, _of(fields, "components"), _of(fields, "signed-by"))


def _stanzas(text: str) -> Iterator[Fields]:
    fields: dict[str, tuple[int, str]] = {}
    name = ""
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t":
            if name:
                first, before = fields[name]
                fields[name] = first, f"{before} {line.strip()}".strip()
        else:
            before, _, value = line.partition(":")
            name = before.strip().lower()
            fields[name] = number, value.strip()
    if fields:
        yield fields


def _of(fields: Fields, name: str) -> str:
    return fields.get(name, (0, ""))[1]
