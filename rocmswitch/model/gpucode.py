"""Which GPUs a file has code for, and whether that code runs on a card."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

GENERIC = {
    "gfx9-generic": ("gfx900", "gfx902", "gfx904", "gfx906", "gfx909", "gfx90c"),
    "gfx9-4-generic": ("gfx940", "gfx941", "gfx942", "gfx950"),
    "gfx10-1-generic": ("gfx1010", "gfx1011", "gfx1012", "gfx1013"),
    "gfx10-3-generic": ("gfx1030", "gfx1031", "gfx1032", "gfx1033", "gfx1034", "gfx1035", "gfx1036"),
    "gfx11-generic": (
        *("gfx1100", "gfx1101", "gfx1102", "gfx1103"),
        *("gfx1150", "gfx1151", "gfx1152", "gfx1153"),
    ),
    "gfx12-generic": ("gfx1200", "gfx1201"),
    "gfx12-5-generic": ("gfx1250", "gfx1251"),
}
"""Targets whose code runs on a whole family (LLVM, User Guide for AMDGPU Backend, "Generic processors")."""
PORTABLE = "amdgcnspirv"
"""Code that is compiled for the card when it is loaded."""

OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"
"""The variable that has ROCm take a card for another one."""
_OVERRIDE = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{1,2})")


@dataclass(frozen=True)
class GpuCode:
    """The GPU code of one file. Targets as their bundles name them: `gfx1010`, `gfx90a:xnack-`, `gfx11-generic`."""

    bundles: int = 0
    """How many were found; each is what one source file was compiled to."""
    counts: tuple[tuple[str, int], ...] = ()
    """For each target the bundles that have code for it: some source files are for a few cards alone."""
    packs: tuple[str, ...] = ()
    """Where the code lies instead, from the file's own folder; `@GFXARCH@` stands for the card's target."""
    unread: str = ""
    """Why not all of it could be read, in a few words."""

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(target for target, _ in self.counts)

    @property
    def is_known(self) -> bool:
        """Whether a target that is not named here is certain to have no code."""
        return self.bundles > 0 and not self.unread


def serves(targets: Iterable[str], card: str) -> str:
    """Which of *targets* runs on *card*; empty where none does.

    Code for the card itself comes before that for its family. Code for `xnack+` needs a card that retries page
    faults, which is off everywhere unless a user turns it on.
    """
    usable = [one for one in targets if "xnack+" not in one]
    own = (one for one in usable if one.partition(":")[0] == card)
    shared = (one for one in usable if card in GENERIC.get(one.partition(":")[0], ()))
    portable = (one for one in usable if one == PORTABLE)
    return next((one for found in (own, shared, portable) for one in found), "")


def target_of_override(value: str) -> str:
    """What HSA_OVERRIDE_GFX_VERSION makes of a card: `10.3.0` is `gfx1030`; empty where it is no such version.

    The runtime takes the three numbers as decimal; minor and stepping are hexadecimal digits of the name.
    """
    match = _OVERRIDE.fullmatch(value)
    major, minor, stepping = (int(one) for one in match.groups()) if match else (0, 16, 16)
    return f"gfx{major}{minor:x}{stepping:x}" if minor < 16 and stepping < 16 else ""


def plain(targets: Iterable[str]) -> tuple[str, ...]:
    """The targets without their features, each once, in the order of their numbers."""
    return tuple(sorted(dict.fromkeys(one.partition(":")[0] for one in targets), key=_order))


def _order(target: str) -> tuple[int, str]:
    return len(target.partition("-")[0]), target
