"""By what an environment's convolutions are computed: MIOpen's own, or the wheel that takes their place."""

from __future__ import annotations

from dataclasses import dataclass

from rocmswitch.model.package import Artifact


@dataclass(frozen=True)
class Convolutions:
    """What an environment gets. `wheel` is None where it is MIOpen's own."""

    asked: str = ""
    """The user's word; empty where the manifest decides."""
    wheel: Artifact | None = None
    target: str = ""
    """A card besides the usual ones for which the wheel is to act by itself."""
    reason: str = ""
    """For people."""


@dataclass(frozen=True)
class ConvolutionSymptoms:
    """What `doctor` sees of an environment with PyTorch for GPUs on this machine's card."""

    venv: str
    stack: str
    place: str
    target: str
    wanted: bool
    """The manifest says `fallback` of the card, and the user has not said otherwise."""
    made_with: str = ""
    """The version of the wheel that the environment was made with; empty where it was made without."""
    there: str = ""
    """That which is in it now."""
    damage: str = ""
    """A file of it that is gone or may not be read."""
    current: str = ""
    """The version that this rocmswitch would put in."""
    switch: tuple[str, str] = ("", "")
    """A variable of this shell that keeps it off, and its value."""
    tried: str = ""
    """When the probe has seen it work on this machine's card; empty where it never has."""
