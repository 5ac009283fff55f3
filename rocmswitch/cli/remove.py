"""rocmswitch remove"""

from __future__ import annotations

import click

from rocmswitch.cli import machine
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.removing import Manner, carry_out
from rocmswitch.cli.settling import settle
from rocmswitch.cli.system_option import check_own, system_option
from rocmswitch.operations import remove
from rocmswitch.store.installed import Installed


@click.command(epilog="Example: rocmswitch remove debian-5.2.3")
@click.argument("name")
@system_option
@click.option("--purge", is_flag=True, help="Free its disk space at once: there is no way back.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, /, name: str, **chosen: bool) -> None:
    """Remove the stack or environment NAME: what rocmswitch made for it, and nothing else.

    Of a linked ROCm that is the link. An environment may be given by its path. `rocmswitch undo` brings it back,
    until `rocmswitch backup prune` frees its disk space.
    """
    check_own(scopes, name)
    how = Manner(**chosen)
    settle(scopes, dry_run=how.dry_run)
    carry_out(scopes, remove.plan_known(name, Installed((scopes.own,)), machine.ledger(scopes)), how)
