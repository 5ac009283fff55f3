"""Adopt a ROCm that somebody else installed: a name, a receipt and a symlink of ours, and none of its files."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from rocmswitch.errors import Failed, NotFound, Refused, UsageMistake
from rocmswitch.model.activation import CardVariable
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.grammar import is_name
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations.scripts import write_scripts
from rocmswitch.planning.activation import plan_activation
from rocmswitch.planning.installplan import TREE_ID_LENGTH
from rocmswitch.planning.naming import other_meaning
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.linked import ROOT, LinkedTree, read_linked
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import Disk, disk_errors

WAIT = 10.0
"""Seconds to wait for another rocmswitch that works on the same name."""


@dataclass(frozen=True)
class LinkPlan:
    """`replaces` is the tree that the name points to now: a link to the same folder, as it was before an update."""

    name: str
    linked: LinkedTree
    cards: tuple[CardVariable, ...] = ()
    replaces: str = ""

    @property
    def tree(self) -> str:
        """NAME-<12 hex>: from what the receipt will say."""
        receipt = asdict(_receipt(self, tree="", created=""))
        text = json.dumps(receipt, sort_keys=True, separators=(",", ":"))
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:TREE_ID_LENGTH]}"

    @property
    def is_done(self) -> bool:
        return self.tree == self.replaces

    def as_json(self) -> dict[str, object]:
        """What `link --dry-run --json` prints."""
        return {
            "name": self.name,
            "folder": str(self.linked.folder),
            "version": self.linked.version,
            "libraries": list(self.linked.sonames),
            "notes": list(self.linked.doubts),
        }


def look(folder: str, layouts: Sequence[Layout]) -> LinkedTree:
    """What lies at *folder*, which may be a symlink like /opt/rocm: the tree behind it is meant.

    Raises UsageMistake and NotFound for what cannot be linked.
    """
    if not folder.startswith("/"):
        raise UsageMistake(f"`{folder}` is not the whole path of a folder: it does not begin with `/`")
    if ":" in folder or not folder.isprintable():
        raise UsageMistake("no PATH can hold a folder whose name has a colon or a control character")
    with disk_errors(Path(folder)):
        path = _folder(folder)
        if any(path.is_relative_to(layout.data.resolve()) for layout in layouts):
            raise Refused(f"`{folder}` is rocmswitch's own", hint="run `rocmswitch list`")
        return read_linked(path)


def plan(
    linked: LinkedTree,
    name: str | None,
    stacks: Collection[str],
    installed: Installed,
    cards: tuple[CardVariable, ...],
) -> LinkPlan:
    """Decide by what name *linked* is known. *stacks* are those that manifests name. Changes nothing.

    Raises UsageMistake and Refused for a name that something else has or that nothing may have.
    """
    chosen = name or _name(linked, stacks, installed)
    again = f"run `rocmswitch link {shlex.quote(str(linked.folder))} NAME`"
    if not is_name(chosen):
        raise UsageMistake(
            f"`{chosen[:80]}` cannot be the name of a link: two or more small letters, digits and `._-`"
        )
    meaning = other_meaning(chosen)
    if meaning:
        raise UsageMistake(
            f"`{chosen[:80]}` means {meaning} wherever a name is given, so a link needs another one", hint=again
        )
    if chosen in stacks:
        raise UsageMistake(f"`{chosen}` is the name of a stack that can be installed", hint=again)
    lost = installed.damaged(chosen)
    if lost:
        raise lost.error
    existing = installed.exactly(chosen)
    if existing and existing.receipt.linked != str(linked.folder):
        raise Refused(f"`{chosen}` is there already: {existing.link}", hint=again)
    return LinkPlan(chosen, linked, cards, existing.receipt.tree if existing else "")


def execute(plan: LinkPlan, trees: Trees, installed: Installed, disk: Disk, wait: float = WAIT) -> Receipt:
    """Publish the link: the name means it or what it meant before. Raises Busy, Failed, MachineLacks.

    Where it is published already, what a broken run has left undone is done.
    """
    with trees.locked(plan.name, wait):
        current = trees.current(plan.name)
        if current not in (plan.tree, plan.replaces):
            raise Failed(
                f"`{plan.name}` was changed by another rocmswitch meanwhile", hint="run the same command again"
            )
        if current != plan.tree:
            if trees.is_whole(plan.tree):
                trees.point(plan.name, plan.tree)
            else:
                _make(plan, trees, disk)
        trees.sweep()
        write_scripts(plan.name, installed, disk)
        return trees.receipt(plan.name)


def _folder(text: str) -> Path:
    try:
        path = Path(text).resolve()
    except RuntimeError as error:  # Python before 3.13: a symlink that leads to itself
        raise NotFound(f"there is no folder `{text}`") from error
    if not path.is_dir():
        raise NotFound(f"there is no folder `{text}`")
    return path


def _make(plan: LinkPlan, trees: Trees, disk: Disk) -> None:
    folder, target = trees.begin(plan.tree), str(plan.linked.folder)
    with disk_errors(folder):
        disk.symlink(folder / ROOT, target)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    entry = FileEntry(ROOT, "link", 0o777, target=target)
    trees.publish(plan.tree, plan.name, _receipt(plan, plan.tree, now), [entry])


def _receipt(plan: LinkPlan, tree: str, created: str) -> Receipt:
    linked = plan.linked
    return Receipt(
        kind="prefix",
        name=plan.name,
        stack=plan.name,
        version=linked.version,
        tree=tree,
        created=created,
        root=ROOT,
        activation=plan_activation(plan.name, ROOT, linked.environment, linked.entries, plan.cards),
        linked=str(linked.folder),
        notes=linked.doubts,
    )


def _name(linked: LinkedTree, stacks: Collection[str], installed: Installed) -> str:
    """`linked-6.2.4`; where another folder has that name, this folder's own, if it may be one."""
    usual, own = f"linked-{linked.version}", linked.folder.name
    taken = installed.exactly(usual)
    if taken is None or taken.receipt.linked == str(linked.folder):
        return usual
    return own if is_name(own) and own not in stacks and not other_meaning(own) else usual
