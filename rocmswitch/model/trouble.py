"""What an error message means: the messages by which a trouble is known, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from rocmswitch.model.finding import FAULT, Finding

EXACTLY, USUALLY, PERHAPS = 3, 2, 1
"""How sure a message makes one: nothing else says so; mostly this; one cause of several."""


@dataclass(frozen=True)
class Sign:
    """A message by which a trouble is known."""

    pattern: str
    """A regular expression that is looked for in single lines, whatever the case. Its named groups may stand in
    the trouble's sentences."""
    seen: tuple[str, ...]
    """Where somebody has reported it."""
    sure: int = EXACTLY
    also: str = ""
    """Another expression that has to be found in the text, in whatever line."""
    is_spoken: bool = False
    """Words of every day, by which people tell of it in a few lines: in a long text they say nothing."""


@dataclass(frozen=True)
class Trouble:
    """A cause. Words in braces are the named groups of its signs, with what stands there where a sign has none."""

    id: str
    what: str
    why: str
    """What it causes."""
    fix: str
    """The exact next command in back-ticks."""
    signs: tuple[Sign, ...]
    rows: tuple[str, ...] = ()
    """Rows of the live diagnosis that mean the same: what they find here confirms it."""
    severity: str = FAULT
    otherwise: tuple[tuple[str, str], ...] = ()
    """What is said for a group that no sign has given: `library` and `a library of ROCm`."""


@dataclass(frozen=True)
class Likely:
    """What a text points at."""

    finding: Finding
    sure: int
    line: int
    """In the text, from 1."""
    text: str
    """That line, shortened."""
    seen: tuple[str, ...]
    confirmed: tuple[Finding, ...] = ()
    """What was found on this machine and means the same."""
