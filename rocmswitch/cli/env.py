"""rocmswitch env"""

from __future__ import annotations

import os

import click

from rocmswitch.cli import output
from rocmswitch.cli.main import Scopes
from rocmswitch.operations import env
from rocmswitch.store.installed import Installed


@click.command(epilog="Example: rocmswitch env debian-5.2.3 --shell modulefile")
@click.argument("target")
@click.option("--shell", type=click.Choice(env.SHELLS), default="bash", show_default=True, help="For whom.")
@click.option("--gpu", metavar="TARGET", default="", help="For this card, not the one in this machine: gfx1010.")
@click.option("--profile", metavar="NAME", default="", help="With this named profile of the card's variables.")
@click.pass_obj
def command(scopes: Scopes, target: str, shell: str, gpu: str, profile: str) -> None:
    """Print what entering TARGET changes: for a shell to evaluate, or for another program.

    json, dotenv (`docker run --env-file`, python-dotenv) and modulefile (Environment Modules, Lmod) are for
    others than shells. After a shell has evaluated it, `rocmswitch_off` takes it back.
    """
    installed = Installed(scopes.searched)
    one = installed.find(target)
    if gpu:
        from rocmswitch.cli.cardword import checked_card  # not at the top: what is printed often asks for no card

        checked_card(gpu)
    if profile:
        from rocmswitch.cli.use_choice import check_profile

        check_profile(one.receipt.name, installed.activation(one), profile)
    text = env.render(one, installed, shell, env.Card(gpu, profile), os.environ)
    output.write(text.rstrip("\n"))
