"""What new shells enter: two symlinks among the scripts, changed so that it can be taken back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import NotFound
from rocmswitch.model.deployment import Content, Intent, NewLink, NoFile, Replacement
from rocmswitch.operations.ownlinks import place, replacement
from rocmswitch.operations.scripts import DEFAULT, WAIT, default_links, default_name, make_folders
from rocmswitch.store.freshness import DIALECTS
from rocmswitch.store.installed import Installation
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import Disk, disk_errors


def set_default(layout: Layout, one: Installation | None, ledger: Ledger, disk: Disk, wait: float = WAIT) -> int:
    """New shells of this scope enter *one*, or nothing. Returns the generation; 0 where that was so already.

    Raises Refused, MachineLacks, Busy, and NotFound where *one* was removed meanwhile.
    """
    wanted = _wanted(layout, one)
    with disk_errors(layout.activations), _staying(one, layout, disk, wait):
        if all(_says(path) == target for path, target in wanted.items()):
            return 0
        make_folders(layout, disk)
        before, after = default_name(layout) or "nothing", one.receipt.name if one else "nothing"
        notes = (f"new shells enter {after}; before that, {before}",)
        intent = Intent("default", place("scope", DEFAULT, layout.activations), notes=notes)
        return ledger.carry_out(intent, _changes(wanted), wait=wait).number


def no_default(layout: Layout) -> tuple[Replacement, ...]:
    """What takes the default away, where there is one."""
    return _changes({path: "" for path in default_links(layout) if path.is_symlink()})


@contextlib.contextmanager
def _staying(one: Installation | None, layout: Layout, disk: Disk, wait: float) -> Iterator[None]:
    """Nobody removes *one* meanwhile; what belongs to the machine, its administrator may."""
    if one is None or one.layout != layout:
        yield
        return
    with Trees(one.link.parent, layout.locks, disk).locked(one.link.name, wait):
        if not one.link.is_symlink():
            raise NotFound(f"`{one.link.name}` was removed by another rocmswitch meanwhile")
        yield


def _wanted(layout: Layout, one: Installation | None) -> dict[Path, str]:
    """What each link is to say; nothing where it is not to be."""
    targets = {dialect: one.script(dialect) for dialect in DIALECTS} if one else {}
    said = [path.name if one and one.layout == layout else str(path) for path in targets.values()]
    return dict(zip(default_links(layout), said or ["" for _ in DIALECTS], strict=True))


def _says(path: Path) -> str:
    """What stands there; of what is no link, something that no link says."""
    if path.is_symlink():
        return str(path.readlink())
    return str(path) if path.exists() else ""


def _changes(wanted: dict[Path, str]) -> tuple[Replacement, ...]:
    return tuple(replacement(path, _content(target)) for path, target in wanted.items() if _says(path) != target)


def _content(target: str) -> Content:
    return NewLink(target) if target else NoFile()
