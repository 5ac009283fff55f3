"""The order of versions of rpm packages, `[epoch:]version[-release]`, and whether one satisfies a relation.

The order is rpm's rpmvercmp (rpmio/rpmvercmp.cc): a version is a row of words and numbers, and what stands between
them only parts them; a number is newer than a word; `~` sorts before the end, `^` behind it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.versions import Versions
from rocmswitch.model.package import Relation

MAX_VERSION = 256
"""Characters. The longest that AMD and Fedora use have fewer than 100."""

OPERATORS = {"<": "<<", "<=": "<=", "=": "=", "==": "=", ">=": ">=", ">": ">>"}
"""rpm's by the words of `model.package.Relation`."""

_PARTS = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")
_EPOCH = re.compile(r"([0-9]*):")
_BEFORE_THE_END, _END, _BEHIND_THE_END, _WORD, _NUMBER = range(5)
Key = tuple[Any, ...]


@cache
def segments_key(text: str) -> Key:
    """What sorts versions without epoch and release, and releases, as rpmvercmp does."""
    found: list[tuple[int, Any]] = []
    for part in _PARTS.findall(text):
        if part == "~":
            found.append((_BEFORE_THE_END, 0))
        elif part == "^":
            found.append((_BEHIND_THE_END, 0))
        elif part.isalpha():
            found.append((_WORD, part))
        else:
            found.append((_NUMBER, int(part)))
    return (*found, (_END, 0))


@cache
def version_key(version: str) -> Key:
    """What sorts whole versions: no epoch is 0, and no release comes before every release.

    Raises VerificationFailed where it is no version.
    """
    epoch, upstream, release = split(version)
    return (epoch, segments_key(upstream), () if release is None else (segments_key(release),))


@cache
def split(version: str) -> tuple[int, str, str | None]:
    """Epoch, version and release, which is None where there is none. Raises VerificationFailed."""
    if not version or len(version) > MAX_VERSION or not version.isprintable() or " " in version:
        raise VerificationFailed(f"`{version[:80]}` is not a version of an rpm package")
    epoch = _EPOCH.match(version)
    rest = version[epoch.end() :] if epoch else version
    upstream, dash, release = rest.rpartition("-")
    number = int(epoch[1] or 0) if epoch else 0
    return (number, upstream, release or None) if dash else (number, rest, None)


def satisfies(version: str, relation: Relation) -> bool:
    """Whether *version* lies within the bound of *relation*."""
    return answers(Relation(relation.name, "=", version), relation)


@cache
def answers(provided: Relation, needed: Relation) -> bool:
    """Whether the two ranges have anything in common; without a bound, a range is everything.

    A version without a release stands for all its releases. Here rpm itself compares as if they were equal, so that
    `= 2` does not answer `> 2-1`; libsolv, by which dnf and zypper choose, lets it (pool_intersect_evrs).
    """
    if not (provided.operator and needed.operator):
        return True
    *left, release = split(provided.version)
    *right, other_release = split(needed.version)
    order = _order((left[0], segments_key(left[1])), (right[0], segments_key(right[1])))
    if order == 0 and (release is None) is not (other_release is None):
        return "=" in (provided if release is None else needed).operator
    if order == 0 and release is not None and other_release is not None:
        order = _order(segments_key(release), segments_key(other_release))
    if order < 0:
        return ">" in provided.operator or "<" in needed.operator
    if order > 0:
        return "<" in provided.operator or ">" in needed.operator
    both = (provided.operator, needed.operator)
    return any(all(sign in one for one in both) for sign in "=<>")


def _order(left: Key, right: Key) -> int:
    return int(left > right) - int(left < right)


RPM = Versions(version_key, satisfies, answers)
