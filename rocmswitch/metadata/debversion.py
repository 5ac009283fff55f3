"""Debian's order of versions (Policy 5.6.12), by python-debian, and whether a version satisfies a relation."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache

from debian.debian_support import NativeVersion

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.versions import Versions
from rocmswitch.model.package import Relation

MAX_VERSION = 256
"""Characters. The longest in Debian's archive has fewer than 80."""

_COMPARE: dict[str, Callable[[NativeVersion, NativeVersion], bool]] = {
    "<<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">>": operator.gt,
}
OPERATORS = tuple(_COMPARE)


@cache
def version_key(version: str) -> NativeVersion:
    """What sorts versions as dpkg does. Raises VerificationFailed where it is no version."""
    try:
        if len(version) > MAX_VERSION:
            raise ValueError("too long")
        return NativeVersion(version)
    except ValueError as error:
        raise VerificationFailed(f"`{version[:80]}` is not a version of a Debian package") from error


@cache
def satisfies(version: str, relation: Relation) -> bool:
    """Whether *version* lies within the bound of *relation*; the name is the caller's business."""
    if not relation.operator:
        return True
    return _COMPARE[relation.operator](version_key(version), version_key(relation.version))


def answers(provided: Relation, needed: Relation) -> bool:
    """A bound on the version is satisfied only by a Provides that states one (Debian Policy 7.5)."""
    return not needed.operator or (bool(provided.version) and satisfies(provided.version, needed))


DEBIAN = Versions(version_key, satisfies, answers)
