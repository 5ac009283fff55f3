"""A stack with files of the user's in place of its own: another tree, with a name that says so."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import Activation
from rocmswitch.model.deployment import NewFile, Replacement, Seen
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.pin import LONGEST, is_pinnable
from rocmswitch.model.printable import printable
from rocmswitch.model.receipt import Receipt
from rocmswitch.planning.activation import ACTIVE
from rocmswitch.planning.deployment import DeploymentPlan
from rocmswitch.planning.installplan import TREE_ID_LENGTH

USUAL = "patched"
"""What a variant is called when the user does not say."""
MARK = "+"
"""Between the name of a stack and that of its variant. No manifest may have it in a name, and no version either:
`6.2` never means a variant (planning/naming.py).
"""

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")


@dataclass(frozen=True)
class VariantPlan:
    """`deployment` says what is replaced in `base_tree`, which stays as it is; the new tree is called `name`."""

    name: str
    base: str
    """The published name whose tree is taken: a stack's, or another variant's."""
    base_tree: str
    deployment: DeploymentPlan
    sources: tuple[Seen, ...] = ()
    """Each of the user's files as the plan saw it, in the order of the replacements."""
    replaces: str = ""
    """The tree that `name` means now."""
    unlike: str = ""
    """An earlier tree of the same content that is damaged: this one is another."""

    @property
    def replacements(self) -> tuple[Replacement, ...]:
        return self.deployment.replacements

    @property
    def tree(self) -> str:
        """NAME-<12 hex>: from the tree that is taken, and which of the user's files go where."""
        said: list[object] = [
            self.base_tree,
            [
                (one.path, source.device, source.inode, source.size, source.modified, source.changed)
                for one, source in zip(self.replacements, self.sources, strict=True)
            ],
        ]
        said += [self.unlike] if self.unlike else []
        digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()
        return f"{self.name}-{digest[:TREE_ID_LENGTH]}"

    @property
    def is_done(self) -> bool:
        """Whether nothing has to be made: the name means this tree, or every file is there already."""
        return not self.replacements or self.tree == self.replaces

    def as_json(self) -> dict[str, object]:
        """What `deploy --dry-run --json` prints."""
        return {**self.deployment.as_json(), "variant": self.name, "of": self.base, "replaces": self.replaces}


def variant_name(stack: str, name: str) -> str:
    """The name of the variant *name* of *stack*. Raises UsageMistake for what cannot be one."""
    whole = f"{stack}{MARK}{name}"
    if not _NAME.fullmatch(name) or not is_pinnable(whole.encode("ascii", "replace")):
        raise UsageMistake(
            f"`{name[:80]}` cannot be the name of a variant: small letters, digits and `._-`, "
            f"{LONGEST} characters together with `{stack}{MARK}`"
        )
    return whole


def own_name(name: str, stack: str) -> str:
    """What stands behind the mark in *name*; empty where it is no variant of *stack*."""
    return name.removeprefix(f"{stack}{MARK}") if name.startswith(f"{stack}{MARK}") else ""


def variant_receipt(base: Receipt, plan: VariantPlan, created: str) -> Receipt:
    """What the new tree's receipt says beside what publishing adds: *base* with the other name, and why."""
    notes = tuple(
        f"`{one.path}` is `{printable(one.content.source)}`"
        for one in plan.replacements
        if isinstance(one.content, NewFile)
    )
    return replace(
        base,
        name=plan.name,
        tree=plan.tree,
        created=created,
        activation=_called(base.activation, plan.name),
        notes=(*base.notes, *notes),
    )


def deployed_entry(placed: FileEntry, before: FileEntry | None, source: str, sha256: str) -> FileEntry:
    """The entry of a file of the user's: what it is, and what stood there before. *sha256* is of the *source*."""
    reason = f"deployed from {source}, SHA-256 {sha256}"
    return replace(
        placed,
        package=before.package if before else "",
        original_sha256=(before.original_sha256 or before.sha256) if before else "",
        reason=f"{reason}; {placed.reason}" if placed.reason else reason,
    )


def replaced_entries(entries: Iterable[FileEntry], plan: VariantPlan) -> dict[str, FileEntry | None]:
    """What the list of files says of each path that the plan replaces; None where nothing is there."""
    known = {one.path: one for one in entries}
    return {one.path: known.get(one.path) for one in plan.replacements}


def _called(activation: Activation, name: str) -> Activation:
    changed = (replace(one, value=name) if one.name == ACTIVE else one for one in activation.assignments)
    return replace(activation, assignments=tuple(changed))
