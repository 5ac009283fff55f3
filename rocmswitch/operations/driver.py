"""The system whose kernel modules a command is about."""

from __future__ import annotations

import shlex
from pathlib import Path

from rocmswitch.errors import MachineLacks, NotFound
from rocmswitch.host.system import read_system
from rocmswitch.model.kernel import System
from rocmswitch.planning.obstacles import BOOT_READ_ONLY, READ_ONLY, obstacles


def look(root: Path) -> System:
    """All that is known about what its kernels would load. Raises NotFound where there is none at *root*."""
    system = read_system(root)
    if not system.kernels:
        raise NotFound(
            f"there is no kernel in `{root / 'lib/modules'}`, so `{root}` is no system that could be booted",
            hint="run the same command with `--root` and the folder where the system is mounted",
        )
    return system


def check_changeable(system: System, *, with_images: bool) -> None:
    """Raise MachineLacks where files, or *with_images* what the boot needs, could not be written or made there."""
    for fault, _ in obstacles(system):
        row = fault.id.partition(":")[0]
        if row in (READ_ONLY, BOOT_READ_ONLY) and (row == READ_ONLY or with_images):
            where = shlex.quote(str(Path(system.root, fault.path)))
            raise MachineLacks(fault.what, hint=f"run `mount -o remount,rw {where}`, then the same command again")
        if with_images:
            raise MachineLacks(fault.what)
