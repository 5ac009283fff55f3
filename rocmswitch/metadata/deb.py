"""Debian's repository files, from text to values: Release, Packages, relations between packages.

Everything here comes from somebody else, even where a signature covers it: every size has a cap, and what
cannot be understood is refused with VerificationFailed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.debversion import OPERATORS
from rocmswitch.model.package import Dependency, Digest, Relation

MAX_STANZA = 1024 * 1024
"""Bytes of one package's entry. The largest in Debian's archive has 60 kB."""

_MAX_RELATION = 256 * 1024
"""Characters of one field of relations."""

_HASH_SECTIONS = {"SHA256": "sha256", "SHA512": "sha512"}
"""The sections of Release that may be believed, the preferred one first; MD5Sum and SHA1 are not read."""

RELATIONS = ("Pre-Depends", "Depends", "Provides", "Conflicts", "Breaks")
FIELDS = (
    *("Package", "Version", "Architecture", "Filename", "Size", "SHA256", "SHA512", "Installed-Size"),
    *RELATIONS,
)
"""What is read of a package's entry; a description or a maintainer is never looked at."""

Stanza = Mapping[bytes, bytes]
_BEGINNING = b"Package: "
"""The FIELDS that one package has, by name; continued lines are joined to one."""

_FIELD = re.compile(rb"^(" + "|".join(FIELDS).encode() + rb"): *([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)
_RELATION = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9.+_-]*(?::[a-z0-9-]+)?)"
    r"(?:\s*\(\s*(?P<operator>[<>=]{1,2})\s*(?P<version>[A-Za-z0-9.+:~-]+)\s*\))?"
)
_OLD_OPERATORS = {"<": "<=", ">": ">="}
"""What these once meant and still mean to dpkg (Policy 7.1)."""


@dataclass(frozen=True)
class ReleaseFile:
    """A file that a Release file lists. `size` is in bytes."""

    path: str
    """Below dists/SUITE/."""
    size: int
    digest: Digest


@dataclass(frozen=True)
class Release:
    """What a Release file says of its suite. Dates are UTC."""

    suite: str
    codename: str
    version: str
    date: datetime
    valid_until: datetime | None
    components: tuple[str, ...]
    by_hash: bool
    """Files may be asked for by their hash, which a half-synchronised mirror has too."""
    all_apart: bool
    """Packages of architecture `all` are listed in binary-all only, not with each architecture."""
    files: Mapping[str, ReleaseFile] = field(default_factory=dict, repr=False)


def parse_release(text: bytes, source: str) -> Release:
    """Read a Release file whose signature has been verified. *source* names it in messages.

    Raises VerificationFailed where a field that is needed is missing or has no meaning, and where only
    MD5 or SHA-1 sums are offered.
    """
    fields, sections = _split_release(_decoded(text, source))
    if "date" not in fields:
        raise VerificationFailed(f"`{source}` has no `Date`")
    architectures = fields.get("architectures", "").split()
    return Release(
        suite=fields.get("suite", ""),
        codename=fields.get("codename", ""),
        version=fields.get("version", ""),
        date=_parse_date(fields["date"], f"`Date` of `{source}`"),
        valid_until=(
            _parse_date(fields["valid-until"], f"`Valid-Until` of `{source}`") if "valid-until" in fields else None
        ),
        components=tuple(fields.get("components", "").split()),
        by_hash=fields.get("acquire-by-hash", "").lower() == "yes",
        all_apart="all" in architectures and fields.get("no-support-for-architecture-all", "") != "Packages",
        files=_parse_files(sections, source),
    )


def read_packages(
    chunks: Iterable[bytes], architecture: str, source: str, names: Collection[str] = ()
) -> Iterator[Stanza]:
    """The packages of a Packages file that suit *architecture*, one at a time, from pieces of any size.

    Those called one of *names* alone, where there are any. Never more than one stanza and one piece is held.
    Raises VerificationFailed.
    """
    suitable = (architecture.encode(), b"all")
    named = frozenset(name.encode() for name in names)
    for text in stanzas(chunks, source):
        # Nearly every entry begins so; of the others the name is known once they are read.
        if named and text.startswith(_BEGINNING) and text[len(_BEGINNING) : text.find(b"\n")] not in named:
            continue
        stanza = dict(_FIELD.findall(text))
        if b"\n " in text or b"\t" in text:
            stanza = {name: b" ".join(value.split()) for name, value in stanza.items()}
        if stanza.get(b"Architecture") not in suitable or b"Package" not in stanza or b"Version" not in stanza:
            continue
        if not named or stanza[b"Package"] in named:
            yield stanza


def parse_relations(text: str, source: str = "the index") -> tuple[Dependency, ...]:
    """A field such as Depends: `a (>= 1) | b, c:any` is two dependencies, the first with two alternatives.

    A qualifier stays part of the name. python-debian's parser is not used: it passes on what it cannot
    read with a warning, and importing it takes as long as planning does. Raises VerificationFailed.
    """
    if len(text) > _MAX_RELATION:
        raise VerificationFailed(f"a list of relations in {source} is longer than {_MAX_RELATION} characters")
    return tuple(
        tuple(_parse_relation(alternative, source) for alternative in part.split("|"))
        for part in text.split(",")
        if part.strip()
    )


def _parse_relation(text: str, source: str) -> Relation:
    match = _RELATION.fullmatch(text.strip())
    if not match:
        raise VerificationFailed(f"`{text.strip()[:80]}` in {source} is not a relation between packages")
    operator = match["operator"] or ""
    operator = _OLD_OPERATORS.get(operator, operator)
    if operator and operator not in OPERATORS:
        raise VerificationFailed(f"`{text.strip()[:80]}` in {source} compares versions in no known way")
    return Relation(match["name"], operator, match["version"] or "")


def _decoded(text: bytes, source: str) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise VerificationFailed(f"`{source}` is not text in UTF-8") from error


def _split_release(text: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Simple fields by their name in small letters, and the lines of each section of hashes."""
    fields: dict[str, str] = {}
    sections: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):
            sections.setdefault(name, []).append(line)
        else:
            name, _, value = line.partition(":")
            fields.setdefault(name.lower(), value.strip())
    return fields, sections


def _parse_files(sections: Mapping[str, list[str]], source: str) -> dict[str, ReleaseFile]:
    for section, algorithm in _HASH_SECTIONS.items():
        if section in sections:
            listed = (_parse_file(line, algorithm, source) for line in sections[section])
            return {one.path: one for one in listed}
    if any(section in sections for section in ("MD5Sum", "SHA1")):
        raise VerificationFailed(f"`{source}` has only MD5 or SHA-1 sums, which can be forged")
    raise VerificationFailed(f"`{source}` lists no files")


def _parse_file(line: str, algorithm: str, source: str) -> ReleaseFile:
    parts = line.split()
    if len(parts) != 3 or not parts[1].isascii() or not parts[1].isdigit() or len(parts[1]) > 15:
        raise VerificationFailed(f"`{line.strip()[:80]}` in `{source}` is not a hash, a size and a path")
    return ReleaseFile(parts[2], int(parts[1]), Digest(algorithm, parts[0].lower()))


def _parse_date(text: str, what: str) -> datetime:
    """RFC 2822, as archives write it; without a zone it is UTC."""
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError) as error:
        raise VerificationFailed(f"{what} is `{text[:80]}`, which is no date") from error
    return date.replace(tzinfo=timezone.utc) if date.tzinfo is None else date.astimezone(timezone.utc)


def stanzas(chunks: Iterable[bytes], source: str) -> Iterator[bytes]:
    """The entries of a file of them, whole, from pieces of any size. Raises VerificationFailed for a huge one."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n\n")
        yield from whole
        if len(rest) > MAX_STANZA:
            raise VerificationFailed(f"a package of `{source}` has an entry of more than {MAX_STANZA} bytes")
    yield rest
