"""rocmswitch venv"""

from __future__ import annotations

import click

from rocmswitch.cli import listing, machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.removing import Manner, carry_out
from rocmswitch.cli.settling import settle, tell_pending
from rocmswitch.operations import remove
from rocmswitch.store.installed import Installed


@click.group(epilog="Example: rocmswitch venv list")
def command() -> None:
    """Look at the environments, or remove one. `rocmswitch use STACK --venv NAME` makes them."""


@command.command("list", epilog="Example: rocmswitch venv list --json")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_environments(scopes: Scopes, as_json: bool) -> None:
    """List the environments.

    Of each: its stack, Python and PyTorch, and what it lacks.
    """
    tell_pending(scopes)
    installed = Installed(scopes.searched)
    found = listing.ordered(installed.environments())
    if as_json:
        output.write_json(listing.as_json(found, installed))
    elif found:
        listing.show(found, installed)
    else:
        output.say("there is no environment yet; `rocmswitch use STACK --venv NAME` makes one")


@command.command("remove", epilog="Example: rocmswitch venv remove myproj")
@click.argument("name")
@click.option("--purge", is_flag=True, help="Free its disk space at once: there is no way back.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def remove_environment(scopes: Scopes, /, name: str, **chosen: bool) -> None:
    """Remove the environment NAME.

    NAME may be its path. What was installed into it goes with it, and comes back with `rocmswitch undo`.
    """
    how = Manner(**chosen)
    settle(scopes, dry_run=how.dry_run)
    carry_out(scopes, remove.plan_venv(name, Installed((scopes.own,)), machine.ledger(scopes)), how)
