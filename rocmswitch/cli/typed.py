"""What was typed, to be typed again."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path


def own_line() -> str:
    """The command line that was typed, for sudo, which does not look where users install programs."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        words = [sys.executable, "-m", "rocmswitch"]
    else:
        words = [str(Path(shutil.which(sys.argv[0]) or program).absolute())]
    return shlex.join([*words, *sys.argv[1:]])
