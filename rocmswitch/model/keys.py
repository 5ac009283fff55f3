"""Whose signatures count, with the keys to check them by."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Keys:
    """The fingerprints that are trusted, and a file that should hold their keys: armored, binary or a keybox."""

    fingerprints: tuple[str, ...]
    """Of primary keys: 40 upper-case hex digits."""
    material: bytes = field(repr=False)
