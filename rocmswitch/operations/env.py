"""What entering a stack changes, in the dialect of a shell or of a program."""

from __future__ import annotations

import json

from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.operations.rendering import functions
from rocmswitch.shell import posix

SHELLS = ("bash", "zsh", "sh", "json")


def render(activation: ResolvedActivation, shell: str) -> str:
    """The text that `rocmswitch env` prints. `json` is for programs, the others are to be sourced."""
    if shell == "json":
        return json.dumps({"variables": dict(activation.variables), "paths": dict(activation.paths)}, indent=2)
    return posix.render(activation, functions())
