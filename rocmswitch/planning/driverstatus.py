"""What each kernel would load, in plain sentences."""

from __future__ import annotations

from rocmswitch.model.kernel import System


def status_lines(system: System) -> tuple[str, ...]:
    """One sentence for each kernel, the newest first, then what else has a say; without full stops."""
    raise NotImplementedError
