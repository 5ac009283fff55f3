"""rocmswitch list"""

from __future__ import annotations

import os

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.operations.choosing import ACTIVE, CHOSEN
from rocmswitch.store.installed import Damaged, Installation, Installed


@click.command(epilog="Example: rocmswitch list --available")
@click.option("--available", is_flag=True, help="The stacks that can be installed.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, available: bool, as_json: bool) -> None:
    """List what is installed: stacks, then environments."""
    if available:
        _available(scopes, as_json=as_json)
        return
    found = Installed(scopes.searched).everything()
    if as_json:
        output.write_json([_as_json(one) for one in found])
    elif found:
        active = os.environ.get(CHOSEN) or os.environ.get(ACTIVE) or ""
        output.definitions((one.link.name, _line(one, active)) for one in found)
    else:
        output.say("nothing is installed yet; `rocmswitch list --available` shows what can be")


def _available(scopes: Scopes, *, as_json: bool) -> None:
    manifests, mistakes = machine.catalog(scopes).read_all()
    for mistake in mistakes:
        output.say(f"warning: {mistake.message}")
    if as_json:
        output.write_json(
            [
                {
                    "name": one.stack.name,
                    "summary": one.stack.summary,
                    "released": one.stack.released,
                    "shipped": one.shipped,
                    "file": str(one.file),
                }
                for one in manifests
            ]
        )
        return
    output.definitions(
        (one.stack.name, one.stack.summary + ("" if one.shipped else f"  (your own: {one.file})"))
        for one in manifests
    )


def _line(one: Installation | Damaged, active: str) -> str:
    if isinstance(one, Damaged):
        return f"damaged: its receipt cannot be read; run `rocmswitch repair {one.name}`"
    receipt = one.receipt
    parts = [f"ROCm {receipt.version}" if receipt.kind == "prefix" else f"environment of {receipt.stack}"]
    if receipt.sets:
        parts.append(", ".join(receipt.sets))
    parts.append(output.size(receipt.size))
    if one.layout.scope == "system":
        parts.append("shared")
    if receipt.name == active:
        parts.append("active")
    return " · ".join(parts)


def _as_json(one: Installation | Damaged) -> dict[str, object]:
    if isinstance(one, Damaged):
        place = {"path": str(one.link), "scope": one.layout.scope}
        return {"name": one.name, "kind": one.kind, **place, "damaged": one.error.message}
    receipt = one.receipt
    return {
        "name": receipt.name,
        "kind": receipt.kind,
        "stack": receipt.stack,
        "version": receipt.version,
        "sets": list(receipt.sets),
        "size": receipt.size,
        "path": str(one.link),
        "scope": one.layout.scope,
    }
