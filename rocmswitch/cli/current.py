"""rocmswitch current"""

from __future__ import annotations

import os

import click

from rocmswitch.cli import output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import tell_pending
from rocmswitch.model.convolutionwords import FALLBACK, VENDOR
from rocmswitch.operations.current import Current, look
from rocmswitch.store.installed import Installed


@click.command(epilog="Example: rocmswitch current --json")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, as_json: bool) -> None:
    """Say which stack is active here, why, and what hides it."""
    tell_pending(scopes)
    found = look(os.environ, Installed(scopes.searched))
    if as_json:
        output.write_json(_as_json(found))
    else:
        _show(found)
    for note in found.notes:
        output.say(f"warning: {note}")


def _show(found: Current) -> None:
    one, choice = found.installation, found.choice
    if one is not None and choice is not None:
        also = ", conv-fallback" if one.receipt.has_fallback else ""
        output.write(f"{one.receipt.name}  ({choice.why}, {one.link}{also})")
        for mine, other in found.hidden if choice.entered else ():
            output.say(f"warning: `{mine}` is {f'hidden by `{other}`' if other else 'not on PATH'}")
    elif choice is not None:
        output.write(f"none  ({choice.why})")
    else:
        output.write("none")
        output.say("no stack is active here; `rocmswitch list` shows what is installed")


def _as_json(found: Current) -> dict[str, object] | None:
    if found.installation is None or found.choice is None:
        return None
    receipt = found.installation.receipt
    return {
        "name": receipt.name,
        "kind": receipt.kind,
        "stack": receipt.stack,
        "version": receipt.version,
        "path": str(found.installation.link),
        "why": found.choice.why,
        "reason": found.choice.reason,
        "entered": found.choice.entered,
        "convolutions": (FALLBACK if receipt.has_fallback else VENDOR) if receipt.torch else None,
        "hidden": [{"tool": mine, "by": other} for mine, other in found.hidden],
        "warnings": list(found.notes),
    }
