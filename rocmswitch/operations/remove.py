"""Remove a stack's prefix, an environment, or the link to a ROCm that is not ours.

The name goes, in a recorded change; the tree stays, so that the change can be taken back, unless it is purged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import DiskFull, Failed, MachineLacks, NotFound, Refused
from rocmswitch.model.deployment import Generation, Intent, NoFile, Replacement
from rocmswitch.operations.default import no_default
from rocmswitch.operations.keeping import trees_of
from rocmswitch.operations.ownlinks import place, replacement
from rocmswitch.operations.scripts import default_name, remove_script
from rocmswitch.store.installed import Damaged, Installation, Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.receipts import stack_of
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import Disk
from rocmswitch.system.running import Process
from rocmswitch.system.usage import usage

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
    purges: bool = False
    """Its trees go too, and nothing brings them back."""
    freed: int = 0
    """Bytes that the disk gets back once its tree goes: what others share stays."""
    forgets: tuple[int, ...] = ()
    """The generations that could bring back one of those trees, before this change: they no longer can."""

    @property
    def name(self) -> str:
        return self.link.name


def plan(target: str, installed: Installed) -> Removal:
    """What removing *target*, a name or an environment's path, takes away: a damaged tree too, and that for good.

    Changes nothing. Raises NotFound.
    """
    one = installed.damaged(target) or installed.find(target)
    kind, size, linked = _told(one)
    name = one.link.name
    return Removal(
        one.layout,
        one.link,
        kind,
        _bound_to(one, kind, installed),
        size,
        linked,
        _shortcut(target, one),
        installed.default() == name,
        purges=size is None,
        freed=0 if linked else usage([one.link.resolve()]).freed,
    )


def plan_venv(target: str, installed: Installed, ledger: Ledger) -> Removal:
    """The same for environments alone. Raises NotFound for a prefix too."""
    removal = plan_known(target, installed, ledger)
    if removal.kind != "venv":
        raise NotFound(f"`{removal.name}` is no environment", hint=f"run `rocmswitch remove {removal.name}`")
    return removal


def plan_known(target: str, installed: Installed, ledger: Ledger) -> Removal:
    """As `plan`, and who wants to remove what is removed already is told how it comes back, or goes for good."""
    try:
        return plan(target, installed)
    except NotFound as error:
        removals = [one for one in ledger.generations() if one.intent.verb == "remove"]
        kept = [one.number for one in removals if one.intent.place.name == target and _keeps(one, ledger)]
        if not kept:
            raise NotFound(error.message, hint="run `rocmswitch list`") from error
        raise NotFound(
            f"`{target}` was removed already",
            hint=f"run `rocmswitch undo {kept[-1]}` to have it again, "
            f"or `rocmswitch backup prune {kept[-1]}` to free its disk space",
        ) from error


def purged(removal: Removal, ledger: Ledger) -> Removal:
    """*removal*, after which nothing is left of the name: no tree that an earlier change could bring back."""
    return replace(removal, purges=True, forgets=_holding(removal.name, ledger))


def running(removal: Removal, trees: Trees) -> tuple[Process, ...]:
    """The programs that run from it, as far as this user may see them."""
    tree = trees.current(removal.name)
    return trees.users([tree])[tree] if tree else ()


def execute(
    removal: Removal, trees: Trees, ledger: Ledger, disk: Disk, wait: float = WAIT
) -> tuple[Generation, tuple[str, ...]]:
    """Take away the name, what new shells enter by it and the shortcut to it, at once; then its scripts.

    Returns the recorded change, and of what is purged the trees that stay until the programs that run from them
    end. What is purged goes also where the disk is too full to record that first. Raises Refused while an
    environment is bound to it, except where it is damaged: the environment works again when it is installed anew.
    """
    _check_unused(removal)
    with trees.locked(removal.name, wait):
        # While the lock was waited for, an environment may have been bound to it.
        bound = _bound_to(removal, removal.kind, Installed((removal.layout,)))
        _check_unused(replace(removal, used_by=bound))
        if not trees.current(removal.name):
            raise Failed(f"`{removal.name}` was removed by another rocmswitch meanwhile")
        try:
            generation = ledger.carry_out(_intent(removal), _changes(removal), wait=wait)
        except MachineLacks as error:
            if isinstance(error, DiskFull) and not removal.purges:
                hint = f"run `rocmswitch remove {removal.name} --purge`, which frees its disk space and needs none"
                raise DiskFull(error.message, hint=hint) from error
            if not removal.purges or running(removal, trees):
                raise
            _make_room(removal, trees, disk)
            generation = ledger.note(_intent(removal), wait=wait)
        if removal.purges:
            ledger.prune({generation.number, *_holding(removal.name, ledger)}, wait=wait)
        remove_script(removal.layout, removal.name, disk)
        disk.discard(removal.layout.checks / f"{removal.name}.json")
        return generation, trees.remove(removal.name) if removal.purges else ()


def _make_room(removal: Removal, trees: Trees, disk: Disk) -> None:
    """Take all away without a record: removing needs no space, and whoever frees a full disk has no other.

    What leads there goes first. A cut on the way leaves less of it, and no record; nothing that could come back.
    """
    for change in _changes(removal)[:-1]:
        path = Path(change.root, change.path)
        disk.discard(path)
        disk.sync_directory(path.parent)
    trees.remove(removal.name)


def _intent(removal: Removal) -> Intent:
    notes = (f"linked to {removal.linked}",) if removal.linked else ()
    return Intent("remove", place(removal.kind, removal.name, removal.link), notes=notes)


def _changes(removal: Removal) -> tuple[Replacement, ...]:
    """The name goes last: nothing that is left on the way leads nowhere."""
    shortcut, link = removal.shortcut, removal.link
    # Only where it still leads to what is removed.
    leads_there = shortcut and shortcut.is_symlink() and shortcut.resolve() == link.resolve()
    shortcuts = (replacement(shortcut, NoFile()),) if shortcut and leads_there else ()
    default = no_default(removal.layout) if default_name(removal.layout) == removal.name else ()
    return (*shortcuts, *default, replacement(link, NoFile()))


def _holding(name: str, ledger: Ledger) -> tuple[int, ...]:
    """The generations by which a tree of *name* could be brought back."""
    return tuple(
        one.number
        for one in ledger.generations()
        if _keeps(one, ledger) and any(stack_of(tree) == name for tree in trees_of(one))
    )


def _keeps(one: Generation, ledger: Ledger) -> bool:
    return not ledger.is_pruned(one.number)


def _shortcut(target: str, one: Installation | Damaged) -> Path | None:
    path = Path(target).absolute()
    if "/" not in target and not target.startswith("."):
        return None
    return path if path.is_symlink() and not path.is_relative_to(one.layout.data) else None


def _bound_to(one: Installation | Damaged | Removal, kind: str, installed: Installed) -> tuple[str, ...]:
    venvs = installed.venvs() if kind == "prefix" else ()
    name, scope = one.link.name, one.layout.scope
    return tuple(venv.receipt.name for venv in venvs if venv.receipt.is_bound_to(name, scope))


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
