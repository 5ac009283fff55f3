"""Remove a stack's prefix, an environment, or the link to a ROCm that is not ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.errors import NotFound, Refused
from rocmswitch.operations.scripts import remove_script
from rocmswitch.store.installed import Damaged, Installation, Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.processes import Process

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
    linked: str = ""
    """The folder of somebody else that the prefix stands for: it stays."""
    shortcut: Path | None = None
    """The symlink outside of our folders by which the user named it: `.venv`."""
    is_default: bool = False
    """New shells enter it."""

    @property
    def name(self) -> str:
        return self.link.name


def plan(target: str, installed: Installed) -> Removal:
    """What removing *target*, a name or an environment's path, takes away: a damaged tree too.

    Changes nothing. Raises NotFound.
    """
    one = installed.damaged(target) or installed.find(target)
    kind, size, linked = _told(one)
    name = one.link.name
    return Removal(
        one.layout,
        one.link,
        kind,
        _bound_to(name, kind, installed),
        size,
        linked,
        _shortcut(target, one),
        installed.default() == name,
    )


def plan_venv(target: str, installed: Installed) -> Removal:
    """The same for environments alone. Raises NotFound for a prefix too."""
    removal = plan(target, installed)
    if removal.kind != "venv":
        raise NotFound(f"`{removal.name}` is no environment", hint=f"run `rocmswitch remove {removal.name}`")
    return removal


def running(removal: Removal, trees: Trees) -> tuple[Process, ...]:
    """The programs that run from it, as far as this user may see them."""
    tree = trees.current(removal.name)
    return trees.users([tree])[tree] if tree else ()


def execute(removal: Removal, trees: Trees, disk: Disk, wait: float = WAIT) -> tuple[str, ...]:
    """Take away the name, the tree, its activation scripts and the shortcut to it.

    Returns the trees that stay until the programs that run from them end. Raises Refused while an environment
    is bound to it, except where it is damaged: the environment works again when it is installed anew.
    """
    _check_unused(removal)
    with trees.locked(removal.name, wait):
        # While the lock was waited for, an environment may have been bound to it.
        bound = _bound_to(removal.name, removal.kind, Installed((removal.layout,)))
        _check_unused(replace(removal, used_by=bound))
        remove_script(removal.layout, removal.name, disk)
        disk.discard(removal.layout.checks / f"{removal.name}.json")
        if removal.shortcut:
            _remove_shortcut(removal.shortcut, removal.link, disk)
        return trees.remove(removal.name)


def _shortcut(target: str, one: Installation | Damaged) -> Path | None:
    path = Path(target).absolute()
    if "/" not in target and not target.startswith("."):
        return None
    return path if path.is_symlink() and not path.is_relative_to(one.layout.data) else None


def _remove_shortcut(shortcut: Path, link: Path, disk: Disk) -> None:
    """Only where it still leads to what is removed. Before that: a tree alone can still be found by its name."""
    with disk_errors(shortcut):
        if shortcut.is_symlink() and shortcut.resolve() == link.resolve():
            disk.remove(shortcut)
            disk.sync_directory(shortcut.parent)


def _bound_to(name: str, kind: str, installed: Installed) -> tuple[str, ...]:
    venvs = installed.venvs() if kind == "prefix" else ()
    return tuple(venv.receipt.name for venv in venvs if venv.receipt.prefix == name)


def _check_unused(removal: Removal) -> None:
    if removal.used_by and removal.size is not None:
        raise Refused(
            f"`{removal.name}` is used by {', '.join(f'`{name}`' for name in removal.used_by)}",
            hint=f"run `rocmswitch remove {removal.used_by[0]}`",
        )


def _told(one: Installation | Damaged) -> tuple[str, int | None, str]:
    """Its kind, its size and what it is linked to."""
    if isinstance(one, Damaged):
        return one.kind, None, ""
    return one.receipt.kind, one.receipt.size, one.receipt.linked
