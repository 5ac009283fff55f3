"""The command line of `rocmswitch use`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """The command line."""

    venv: str | None
    python: str | None
    mirror: str | None
    allow_expired: bool
    yes: bool
    dry_run: bool
    as_json: bool
