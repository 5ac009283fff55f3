"""Where a tool of a stack is."""

from __future__ import annotations

import os

from rocmswitch.errors import NotFound
from rocmswitch.store.installed import Installation, Installed


def which(tool: str, one: Installation, installed: Installed) -> str:
    """The path of *tool* as a shell in *one* finds it. Raises NotFound."""
    for folder in dict(installed.activation(one).paths).get("PATH", ()):
        path = f"{folder}/{tool}"
        if "/" not in tool and os.access(path, os.X_OK):
            return path
    raise NotFound(
        f"`{one.receipt.name}` has no tool `{tool}`",
        hint=f"run `rocmswitch show {one.receipt.stack}`",
    )
