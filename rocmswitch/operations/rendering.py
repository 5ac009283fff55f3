"""The shell functions that every activation script begins with."""

from __future__ import annotations

from importlib.resources import files


def functions() -> str:
    """The text of shell/functions.sh."""
    return (files("rocmswitch.shell") / "functions.sh").read_text("utf-8")
