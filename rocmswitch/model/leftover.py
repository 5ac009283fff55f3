"""What an installation of ROCm by hand, or an experiment, has left on a machine."""

from __future__ import annotations

from dataclasses import dataclass

FILE, FOLDER, LINES, BACKUP = "file", "folder", "lines", "backup"
"""A file or a link; a folder with all in it; lines of a start-up file; a copy put beside a library by hand."""


@dataclass(frozen=True)
class Line:
    """One line of a start-up file. `number` counts from 1."""

    number: int
    text: str
    is_apart: bool = True
    """It does nothing else, so it can be taken out without a look at what stands around it."""


@dataclass(frozen=True)
class Leftover:
    """One thing that no package owns and nothing of ours uses."""

    path: str
    """Absolute, as its own system calls it: `/opt/rocm-patched`, also where that system is mounted elsewhere."""
    kind: str
    why: str
    """What it does there: a clause without a full stop."""
    is_in_effect: bool = False
    """It changes what runs, now or after the next boot."""
    is_users: bool = False
    """It lies in the user's home; everything else is root's."""
    size: int = 0
    """Bytes; of a folder that is too large to be looked through, what was counted until then."""
    files: tuple[str, ...] = ()
    """Of a folder: the files and links in it, below the root of its system, without a leading slash."""
    lines: tuple[Line, ...] = ()
    too_large: bool = False
    """A folder with more in it than a recorded change takes."""
    odd: str = ""
    """Why it cannot be taken away as it is: `it holds a socket`."""
