"""One line for each installed tree, and the same for programs: `list` and `venv list`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from rocmswitch.cli import output
from rocmswitch.operations.choosing import ACTIVE, CHOSEN
from rocmswitch.planning.naming import by_version
from rocmswitch.store.installed import Damaged, Installation, Installed

Tree = Installation | Damaged


def ordered(trees: Iterable[Tree]) -> list[Tree]:
    """Prefixes, then environments, each by the version of its stack: the newest stands last, next to the prompt."""
    return sorted(trees, key=lambda one: (_kind(one) == "venv", *by_version(_stack(one)), one.link.name))


def show(trees: Sequence[Tree], installed: Installed) -> None:
    """The lines, as data."""
    chosen = os.environ.get(CHOSEN, "")
    active = chosen if chosen in {one.link.name for one in trees} else os.environ.get(ACTIVE, "")
    output.definitions((one.link.name, " · ".join(_parts(one, active, installed))) for one in trees)


def as_json(one: Tree, installed: Installed) -> dict[str, object]:
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
        told |= {"used_by": list(_users(one, installed))}
    if receipt.linked:
        told["linked"] = receipt.linked
    return told | ({"lacks": lack.message} if lack else {})


def _parts(one: Tree, active: str, installed: Installed) -> Iterable[str]:
    if isinstance(one, Damaged):
        yield f"damaged: its receipt cannot be read; run `rocmswitch repair {one.name}`"
        return
    receipt = one.receipt
    yield from _environment(one) if receipt.kind == "venv" else _prefix(one)
    if one.layout.scope == "system":
        yield "shared"
    if receipt.name == active:
        yield "active"
    users = _users(one, installed)
    if users:
        yield f"used by {', '.join(users)}"
    lack = installed.lack(one)
    if lack:
        yield f"cannot be entered: {lack.message}; {lack.hint}"


def _prefix(one: Installation) -> Iterable[str]:
    receipt = one.receipt
    yield f"ROCm {receipt.version}"
    if receipt.linked:
        yield f"linked to {receipt.linked}"
        return
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


def _users(one: Installation, installed: Installed) -> tuple[str, ...]:
    """Names of the environments that are bound to a prefix."""
    if one.receipt.kind == "venv":
        return ()
    return tuple(venv.receipt.name for venv in installed.venvs() if venv.receipt.prefix == one.receipt.name)


def _kind(one: Tree) -> str:
    return one.kind if isinstance(one, Damaged) else one.receipt.kind


def _stack(one: Tree) -> str:
    return one.name if isinstance(one, Damaged) else one.receipt.stack
