"""What an error that somebody pastes points at, and what of it is found here as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rocmswitch.errors import Failed, NotFound
from rocmswitch.model.finding import Finding
from rocmswitch.model.trouble import Likely
from rocmswitch.planning.errorlog import confirm, find_troubles, parse_log

LIMIT = 8 * 1024 * 1024
"""Bytes that are read."""


def plan(content: bytes, name: str, diagnose: Callable[[], Sequence[Finding]]) -> tuple[int, tuple[Likely, ...]]:
    """How many lines *content* has, and what they point at, the best first.

    *diagnose* tells what is wrong here, which may confirm it; it is asked only where there is something to confirm.
    """
    lines = parse_log(content[:LIMIT])
    likely = find_troubles(lines, name)
    return len(lines), confirm(likely, diagnose()) if likely else ()


def read_log(path: Path) -> bytes:
    """LIMIT bytes, and one more where there are more. Also of what a shell passes as `<(dmesg)`, which is no
    regular file. Raises NotFound and Failed."""
    try:
        with path.open("rb") as file:
            return file.read(LIMIT + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(
            f"there is no file `{path}`",
            hint="run `rocmswitch doctor --log -`, paste the error, and press Ctrl-D",
        ) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Failed(f"`{path}` cannot be read: {reason}") from error
