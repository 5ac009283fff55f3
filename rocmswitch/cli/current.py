"""rocmswitch current"""

from __future__ import annotations

import os

import click

from rocmswitch.cli import output
from rocmswitch.cli.main import Scopes
from rocmswitch.operations.current import Current, look
from rocmswitch.store.installed import Installed


@click.command(epilog="Example: rocmswitch current --json")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, as_json: bool) -> None:
    """Say which stack is active here, why, and what hides it."""
    found = look(os.environ, Installed(scopes.searched))
    if as_json:
        output.write_json(_as_json(found))
    elif found is None:
        output.write("none")
        output.say("no stack is active here; `rocmswitch list` shows what is installed")
    else:
        output.write(f"{found.installation.receipt.name}  ({found.why}, {found.installation.link})")
        for mine, other in found.hidden:
            output.say(f"warning: `{mine}` is {f'hidden by `{other}`' if other else 'not on PATH'}")


def _as_json(found: Current | None) -> dict[str, object] | None:
    if found is None:
        return None
    receipt = found.installation.receipt
    return {
        "name": receipt.name,
        "kind": receipt.kind,
        "stack": receipt.stack,
        "version": receipt.version,
        "path": str(found.installation.link),
        "why": found.why,
        "hidden": [{"tool": mine, "by": other} for mine, other in found.hidden],
    }
