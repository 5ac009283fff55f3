"""rocmswitch list"""

from __future__ import annotations

import click

from rocmswitch.cli import listing, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import tell_pending
from rocmswitch.cli.system_option import system_reading_option
from rocmswitch.store.installed import Installed


@click.command(epilog="Example: rocmswitch list --available")
@click.option("--available", is_flag=True, help="The stacks that can be installed.")
@click.option("--size", "sizes", is_flag=True, help="What each takes on the disk, of its own and shared.")
@system_reading_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, available: bool, sizes: bool, as_json: bool) -> None:
    """List what is installed: stacks, then environments, by version, the newest last."""
    tell_pending(scopes)
    if available:
        from rocmswitch.cli.available import show_available

        show_available(scopes, as_json=as_json)
        return
    installed = Installed(scopes.searched)
    found = listing.ordered(installed.everything())
    if sizes:
        _sizes(scopes, found, installed, as_json=as_json)
    elif as_json:
        output.write_json(listing.as_json(found, installed))
    elif found:
        listing.show(found, installed)
    else:
        output.say("nothing is installed yet; `rocmswitch list --available` shows what can be")
    if not as_json and not sizes:
        listing.tell_kept(scopes)


def _sizes(scopes: Scopes, found: list[listing.Tree], installed: Installed, *, as_json: bool) -> None:
    from rocmswitch.cli import sizes
    from rocmswitch.operations.sizes import measure

    measured = measure(found, scopes.searched)
    if as_json:
        output.write_json(sizes.as_json(measured, listing.as_json(found, installed)))
    else:
        sizes.show(measured, found)
