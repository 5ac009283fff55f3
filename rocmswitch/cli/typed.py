"""What was typed, to be typed again."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

SYSTEM = "--system"
_SHARED = re.compile(
    r"(`rocmswitch (?:install|remove|repair|verify|undo|history|backup prune|cache size|cache prune)\b"
    r"(?![^`]* --help)[^`]*)`"
)
"""Commands that are about one user's own things without that option."""


def own_line() -> str:
    """The command line that was typed, for sudo, which does not look where users install programs."""
    return shlex.join([*_program(), *sys.argv[1:]])


def here(text: str) -> str:
    """*text* with its commands for root as this user can type them: who is root may have no sudo."""
    own = "" if os.geteuid() == 0 else f"sudo {shlex.join(_program())}"
    return text.replace("`sudo rocmswitch ", f"`{own or 'rocmswitch'} ")


def shared(text: str) -> str:
    """*text* with its commands meant for what all users share, where the line that was typed is about that."""
    return _SHARED.sub(r"\1 --system`", text) if SYSTEM in sys.argv else text


def _program() -> list[str]:
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return [sys.executable, "-m", "rocmswitch"]
    return [str(Path(shutil.which(sys.argv[0]) or program).absolute())]
