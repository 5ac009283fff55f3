"""rocmswitch env"""

from __future__ import annotations

import click

from rocmswitch.cli import output
from rocmswitch.cli.main import Scopes
from rocmswitch.operations import env
from rocmswitch.store.installed import Installed


@click.command(epilog='Example: eval "$(rocmswitch env debian-5.2.3 --shell bash)"')
@click.argument("target")
@click.option("--shell", type=click.Choice(env.SHELLS), default="bash", show_default=True)
@click.pass_obj
def command(scopes: Scopes, target: str, shell: str) -> None:
    """Print what entering TARGET changes, for a shell to evaluate. `rocmswitch_off` takes it back."""
    installed = Installed(scopes.searched)
    output.write(env.render(installed.activation(installed.find(target)), shell).rstrip("\n"))
