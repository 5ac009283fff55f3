"""What `doctor` says: something that is wrong, how it is known, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

FAULT, WARNING, NOTE = "fault", "warning", "note"
SEVERITIES = (FAULT, WARNING, NOTE)
"""The worst first. A fault breaks something now; a warning may; a note is only worth knowing."""


@dataclass(frozen=True)
class Remedy:
    """The way out. An `automatic` one may be carried out for the user: it is ours, and can be taken back."""

    text: str
    """For people, the exact next command in back-ticks."""
    command: tuple[str, ...] = ()
    """The words after `rocmswitch`, where one command of ours is all of it."""
    automatic: bool = False


@dataclass(frozen=True)
class Finding:
    """One row of the diagnosis that applies here."""

    id: str
    """`ROW`, or `ROW:SUBJECT` where a row may apply several times: `damaged:rocm-6.2.4`."""
    severity: str
    what: str
    """One sentence without a full stop, literals in back-ticks."""
    where: str
    """A file, with `:LINE` where there is one, an environment, a variable."""
    why: str
    """What was seen, and what it does."""
    remedy: Remedy | None = None

    @property
    def row(self) -> str:
        return self.id.partition(":")[0]
