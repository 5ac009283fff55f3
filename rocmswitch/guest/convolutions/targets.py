"""The cards that get the fallback without being asked."""

from __future__ import annotations

TARGETS = ("gfx1010", "gfx1011", "gfx1012")
"""Those of which a manifest says `convolutions: fallback`, and in the wheel also what its owner has asked for."""
