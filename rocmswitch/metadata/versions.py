"""What a kind of package says of versions: which is newer, and whether what is there will do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rocmswitch.model.package import Relation


@dataclass(frozen=True)
class Versions:
    """The rules of one kind. All three raise VerificationFailed for what is no version."""

    key: Callable[[str], Any]
    """What sorts versions."""
    satisfies: Callable[[str, Relation], bool]
    """Whether a package's version lies within the bound of a relation, whose name is not looked at."""
    answers: Callable[[Relation, Relation], bool]
    """Whether the first, of a package's Provides, is within the bound of the second; names are not looked at."""
