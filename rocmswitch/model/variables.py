"""The variables of a shell that say what is active in it."""

from __future__ import annotations

CHOSEN = "ROCMSWITCH_STACK"
"""What its owner wants, whatever else is said."""
ACTIVE = "ROCMSWITCH_ACTIVE"
"""What was entered."""
WHY = "ROCMSWITCH_WHY"
"""By what: `use`, `pin:FILE`, `default`, `stack`, `module`."""
LEFT = "ROCMSWITCH_LEFT"
"""What `use --off` was said against, in the same words. The hook's function tells it to `current` and `which`."""
