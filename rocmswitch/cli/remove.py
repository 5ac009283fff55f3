"""rocmswitch remove"""

from __future__ import annotations

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.operations import remove
from rocmswitch.store.installed import Installed
from rocmswitch.system.disk import Disk


@click.command(epilog="Example: rocmswitch remove debian-5.2.3")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@click.pass_obj
def command(scopes: Scopes, name: str, yes: bool, dry_run: bool) -> None:
    """Remove the stack or environment NAME: what rocmswitch made for it, and nothing else."""
    removal = remove.plan(name, Installed((scopes.own,)))
    size = "damaged" if removal.size is None else output.size(removal.size)
    output.say(f"removes {removal.link} ({size})")
    damaged = removal.size is None
    for venv in removal.used_by:
        again = "; it works again when the stack is installed anew" if damaged else ""
        output.say(f"still used by the environment {venv}{again}")
    if dry_run:
        return
    if damaged or not removal.used_by:
        output.agree("Remove it?", yes=yes)
    trees = machine.venvs if removal.kind == "venv" else machine.prefixes
    for tree in remove.execute(removal, trees(scopes.own), Disk(), scopes.wait(remove.WAIT)):
        output.say(f"programs still run from {tree}: the next change removes it")
    output.say(f"removed {removal.name}")
