"""What dpkg keeps of the packages it has installed: `status`, `diversions`, `*.md5sums`; their text to values.

Paths are as everywhere in what concerns a mounted system: without a leading slash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rocmswitch.metadata.deb import stanzas

_BROKEN_STATES = ("unpacked", "half-configured", "half-installed", "triggers-awaited", "triggers-pending")
"""Of these `dpkg --audit` complains (lib/dpkg: `pkg_status`); `dpkg --configure -a` ends them, or says why not."""

_FIELD = re.compile(
    rb"^(Package|Version|Architecture|Status|Conffiles):[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE
)
_MD5 = re.compile(rb"([0-9a-f]{32})  ([^\n]+)")


@dataclass(frozen=True)
class PackageState:
    """One package, in whatever state: also those that are removed and have left their configuration."""

    package: str
    architecture: str
    version: str
    flag: str
    """`ok`, or `reinstreq`: it must be installed anew."""
    state: str
    """`installed`, `config-files`, one of _BROKEN_STATES, …"""
    conffiles: tuple[tuple[str, str], ...] = ()
    """Path and MD5 of each file of configuration, as the package brought it."""

    @property
    def is_broken(self) -> bool:
        return self.state in _BROKEN_STATES or self.flag == "reinstreq"


@dataclass(frozen=True)
class Diversion:
    """Files at `path` go to `aside` instead, except those of `package`; empty for one that a person has made."""

    path: str
    aside: str
    package: str


def parse_status(content: bytes, source: str) -> Iterator[PackageState]:
    """The packages of a status file. What is no entry of a package is passed over. Raises VerificationFailed."""
    for text in stanzas([content], source):
        fields = dict(_FIELD.findall(text))
        words = _text(fields.get(b"Status", b"")).split()
        if b"Package" in fields and len(words) == 3:
            yield PackageState(
                package=_text(fields[b"Package"]).strip(),
                architecture=_text(fields.get(b"Architecture", b"")).strip(),
                version=_text(fields.get(b"Version", b"")).strip(),
                flag=words[1],
                state=words[2],
                conffiles=_conffiles(fields.get(b"Conffiles", b"")),
            )


def parse_diversions(content: bytes) -> tuple[Diversion, ...]:
    """Three lines each: what is diverted, to where, by which package (`:` for none)."""
    lines = _text(content).split("\n")
    threes = zip(lines[0::3], lines[1::3], lines[2::3], strict=False)
    return tuple(
        Diversion(path.lstrip("/"), aside.lstrip("/"), package if package != ":" else "")
        for path, aside, package in threes
        if path and aside
    )


def parse_md5sums(content: bytes) -> Mapping[str, str]:
    """MD5 by path. Files of configuration are not among them: their hashes stand in the status."""
    return {_text(path): md5.decode() for md5, path in _MD5.findall(content)}


def _conffiles(field: bytes) -> tuple[tuple[str, str], ...]:
    """` /etc/x MD5`, with `obsolete` behind it perhaps; `newconffile` stands for a hash that is not known yet."""
    words = (line.split() for line in _text(field).split("\n"))
    return tuple((one[0].lstrip("/"), one[1]) for one in words if len(one) >= 2 and len(one[1]) == 32)


def _text(content: bytes) -> str:
    """Paths may hold bytes that are no text; they stay what os.fsdecode makes of them."""
    return content.decode(errors="surrogateescape")
