"""What a tree's list of files says of one path. Apart from receipts, which commands read that are called often."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileEntry:
    """One path of a tree. `kind` is `file`, `link` or `directory`; sizes are bytes, modes octal numbers.

    `original_sha256` and `reason` are set where relocation changed what the package carried.
    """

    path: str
    kind: str
    mode: int
    size: int = 0
    sha256: str = ""
    target: str = ""
    package: str = ""
    original_sha256: str = ""
    original_target: str = ""
    reason: str = ""
