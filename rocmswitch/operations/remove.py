"""Remove a stack's prefix or an environment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.errors import Refused
from rocmswitch.operations.scripts import remove_script
from rocmswitch.store.installed import Damaged, Installation, Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import Disk

WAIT = 10.0
"""Seconds to wait for another rocmswitch that works on the same tree: one that installs takes longer."""


@dataclass(frozen=True)
class Removal:
    """What would go. `used_by` names the environments that are bound to it."""

    layout: Layout
    link: Path
    kind: str
    used_by: tuple[str, ...]
    size: int | None
    """Bytes; None where no receipt tells."""

    @property
    def name(self) -> str:
        return self.link.name


def plan(name: str, installed: Installed) -> Removal:
    """What removing *name* takes away: a damaged tree too. Changes nothing. Raises NotFound."""
    one = installed.damaged(name) or installed.find(name)
    kind, size = _told(one)
    return Removal(one.layout, one.link, kind, _bound_to(one.link.name, kind, installed), size)


def execute(removal: Removal, trees: Trees, disk: Disk, wait: float = WAIT) -> tuple[str, ...]:
    """Take away the name, the tree and its activation script.

    Returns the trees that stay until the programs that run from them end. Raises Refused while an environment
    is bound to it, except where it is damaged: the environment works again when it is installed anew.
    """
    _check_unused(removal)
    with trees.locked(removal.name, wait):
        # While the lock was waited for, an environment may have been bound to it.
        bound = _bound_to(removal.name, removal.kind, Installed((removal.layout,)))
        _check_unused(replace(removal, used_by=bound))
        remove_script(removal.layout, removal.name, disk)
        return trees.remove(removal.name)


def _bound_to(name: str, kind: str, installed: Installed) -> tuple[str, ...]:
    venvs = installed.venvs() if kind == "prefix" else ()
    return tuple(venv.receipt.name for venv in venvs if venv.receipt.prefix == name)


def _check_unused(removal: Removal) -> None:
    if removal.used_by and removal.size is not None:
        raise Refused(
            f"`{removal.name}` is used by {', '.join(f'`{name}`' for name in removal.used_by)}",
            hint=f"run `rocmswitch remove {removal.used_by[0]}`",
        )


def _told(one: Installation | Damaged) -> tuple[str, int | None]:
    return (one.kind, None) if isinstance(one, Damaged) else (one.receipt.kind, one.receipt.size)
