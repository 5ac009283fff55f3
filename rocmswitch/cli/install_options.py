"""What `rocmswitch install` was told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """The command line."""

    sets: tuple[str, ...]
    locked: bool
    require: str | None
    mirror: str | None
    allow_expired: bool
    yes: bool
    dry_run: bool
    as_json: bool
    source: str = ""
    keys: tuple[str, ...] = ()
    accept: str = ""
    """What a tarball has to be now, in hex, whatever it was at its first use."""
    gpu: tuple[str, ...] = ()
    """As the user wrote them."""
    own: bool = False
    """Also where all users of the machine have it."""
    gpus: tuple[str, ...] | None = None
    """What these mean, as `Wish` has it."""
