"""rocmswitch which"""

from __future__ import annotations

import os

import click

from rocmswitch.cli import output
from rocmswitch.cli.main import Scopes
from rocmswitch.operations.current import active
from rocmswitch.operations.which import which
from rocmswitch.store.installed import Installed


@click.command(epilog="Example: rocmswitch which hipcc debian-5.2.3")
@click.argument("tool")
@click.argument("target", required=False)
@click.pass_obj
def command(scopes: Scopes, tool: str, target: str | None) -> None:
    """Print the path of TOOL in TARGET, or in the stack that is active here."""
    installed = Installed(scopes.searched)
    one = installed.find(target) if target else active(os.environ, installed)
    output.write(which(tool, one, installed))
