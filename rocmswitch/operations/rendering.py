"""The shell functions that every activation script begins with."""

from __future__ import annotations

from pathlib import Path

from rocmswitch.shell import posix


def functions() -> str:
    """The text of shell/functions.sh, from beside its module: importlib.resources takes 5 ms to import."""
    return Path(posix.__file__).with_name("functions.sh").read_text("utf-8")
