"""Remove a stack's prefix or an environment."""

from __future__ import annotations

from dataclasses import dataclass

from rocmswitch.errors import Refused
from rocmswitch.operations.scripts import remove_script
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import Disk

WAIT = 60.0
"""Seconds to wait for another rocmswitch that works on the same tree."""


@dataclass(frozen=True)
class Removal:
    """What would go. `used_by` names the environments that are bound to it."""

    installation: Installation
    used_by: tuple[str, ...]


def plan(name: str, installed: Installed) -> Removal:
    """What removing *name* takes away. Changes nothing. Raises NotFound."""
    one = installed.find(name)
    bound = tuple(venv.receipt.name for venv in installed.venvs() if venv.receipt.prefix == one.receipt.name)
    return Removal(one, bound if one.receipt.kind == "prefix" else ())


def execute(removal: Removal, trees: Trees, disk: Disk) -> tuple[str, ...]:
    """Take away the name, the tree and its activation script.

    Returns the trees that stay until the programs that run from them end. Raises Refused while an environment
    is bound to it.
    """
    one = removal.installation
    if removal.used_by:
        raise Refused(
            f"`{one.receipt.name}` is used by {', '.join(f'`{name}`' for name in removal.used_by)}",
            hint=f"run `rocmswitch remove {removal.used_by[0]}`",
        )
    with trees.locked(one.receipt.name, WAIT):
        remove_script(one, disk)
        return trees.remove(one.receipt.name)
