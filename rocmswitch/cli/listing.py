"""One line for each installed tree, and the same for programs: `list` and `venv list`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from rocmswitch.cli import output
from rocmswitch.cli.main import Scopes
from rocmswitch.model.variables import ACTIVE, CHOSEN
from rocmswitch.planning.naming import by_version
from rocmswitch.store.installed import Damaged, Installation, Installed
from rocmswitch.store.receipts import stack_of, unnamed_trees

Tree = Installation | Damaged
Users = dict[str, list[str]]
"""By the name of a prefix, the environments that are bound to it."""


def ordered(trees: Iterable[Tree]) -> list[Tree]:
    """Prefixes, then environments, each by the version of its stack: the newest stands last, next to the prompt."""
    return sorted(trees, key=lambda one: (_kind(one) == "venv", *by_version(_stack(one)), one.link.name))


def show(trees: Sequence[Tree], installed: Installed) -> None:
    """The lines, as data."""
    chosen = os.environ.get(CHOSEN, "")
    active = chosen if chosen in {one.link.name for one in trees} else os.environ.get(ACTIVE, "")
    users = _users(trees)
    hidden = {id(one) for one in trees if is_hidden(one, trees)}
    output.definitions(
        (one.link.name, " · ".join(_hidden(one) if id(one) in hidden else _parts(one, active, users, installed)))
        for one in trees
    )


def is_hidden(one: Tree, trees: Iterable[Tree]) -> bool:
    """Whether the user has one of the same name, which is meant by it."""
    own = {other.link.name for other in trees if other.layout.scope != "system"}
    return one.layout.scope == "system" and one.link.name in own


def tell_kept(scopes: Scopes) -> None:
    """One line where trees lie there that no name means: gigabytes that would be looked for elsewhere."""
    folders = (scopes.own.prefixes, scopes.own.venvs)
    names = sorted({stack_of(tree) for folder in folders for tree in unnamed_trees(folder)})
    if names:
        output.say(
            f"kept to take changes back: older or removed trees of {', '.join(names)}; "
            "`rocmswitch cache size` says how much that is"
        )


def as_json(trees: Sequence[Tree], installed: Installed) -> list[dict[str, object]]:
    users = _users(trees)
    return [_as_json(one, users, installed) | ({"hidden": True} if is_hidden(one, trees) else {}) for one in trees]


def _as_json(one: Tree, users: Users, installed: Installed) -> dict[str, object]:
    if isinstance(one, Damaged):
        place = {"path": str(one.link), "scope": one.layout.scope}
        return {"name": one.name, "kind": one.kind, **place, "damaged": one.error.message}
    receipt = one.receipt
    lack = installed.lack(one)
    told: dict[str, object] = {
        "name": receipt.name,
        "kind": receipt.kind,
        "stack": receipt.stack,
        "version": receipt.version,
        "sets": list(receipt.sets),
        "size": receipt.size,
        "path": str(one.link),
        "scope": one.layout.scope,
    }
    if receipt.kind == "venv":
        told |= {"python": one.python_version, "torch": receipt.torch, "prefix": receipt.prefix}
    else:
        told |= {"used_by": users.get(receipt.name, [])}
    if receipt.linked:
        told["linked"] = receipt.linked
    return told | ({"lacks": lack.message} if lack else {})


def _hidden(one: Tree) -> Iterable[str]:
    if isinstance(one, Installation):
        yield from _prefix(one)
    yield "shared, and not used by you: your own of this name goes before it"


def _parts(one: Tree, active: str, users: Users, installed: Installed) -> Iterable[str]:
    if isinstance(one, Damaged):
        yield f"damaged: its receipt cannot be read; run `rocmswitch repair {one.name}`"
        return
    receipt = one.receipt
    yield from _environment(one) if receipt.kind == "venv" else _prefix(one)
    if one.layout.scope == "system":
        yield "shared"
    if receipt.name == active:
        yield "active"
    if receipt.kind == "prefix" and receipt.name in users:
        yield f"used by {', '.join(users[receipt.name])}"
    lack = installed.lack(one)
    if lack:
        yield f"cannot be entered: {lack.message}; {lack.hint}"


def _prefix(one: Installation) -> Iterable[str]:
    receipt = one.receipt
    yield f"ROCm {receipt.version}"
    if receipt.linked:
        yield f"linked to {receipt.linked}"
        return
    if receipt.name != receipt.stack:
        yield f"{receipt.stack} with files of yours"
    if receipt.sets:
        yield ", ".join(receipt.sets)
    yield output.size(receipt.size)


def _environment(one: Installation) -> Iterable[str]:
    receipt = one.receipt
    yield f"environment of {receipt.stack}"
    if one.python_version:
        yield f"Python {one.python_version}"
    if receipt.torch:
        yield f"torch {receipt.torch}"
    yield output.size(receipt.size)


def _users(trees: Iterable[Tree]) -> Users:
    users: Users = {}
    for one in trees:
        if isinstance(one, Installation) and one.receipt.prefix:
            users.setdefault(one.receipt.prefix, []).append(one.receipt.name)
    return users


def _kind(one: Tree) -> str:
    return one.kind if isinstance(one, Damaged) else one.receipt.kind


def _stack(one: Tree) -> str:
    return one.name if isinstance(one, Damaged) else one.receipt.stack
