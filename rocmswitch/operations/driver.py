"""The system whose kernel modules a command is about."""

from __future__ import annotations

from pathlib import Path

from rocmswitch.errors import NotFound
from rocmswitch.host.system import read_system
from rocmswitch.model.kernel import System


def look(root: Path) -> System:
    """All that is known about what its kernels would load. Raises NotFound where there is none at *root*."""
    system = read_system(root)
    if not system.kernels:
        raise NotFound(
            f"there is no kernel in `{root / 'lib/modules'}`, so `{root}` is no system that could be booted",
            hint="run the same command with `--root` and the folder where the system is mounted",
        )
    return system
