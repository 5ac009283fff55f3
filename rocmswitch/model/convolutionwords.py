"""What the two ways to compute convolutions are called. Imports nothing: commands at a prompt say it."""

from __future__ import annotations

CONVOLUTIONS = "rocmswitch-convolutions"
"""The distribution that takes the place of MIOpen's own."""
FALLBACK, VENDOR = "fallback", "vendor"
"""As a manifest says it of a card, and a user by `--conv-fallback` and `--no-conv-fallback`."""
TARGETS = ("gfx1010", "gfx1011", "gfx1012")
"""The cards of which a manifest of ours says `fallback`: for them the wheel acts by itself."""
