"""rocmswitch restore"""

from __future__ import annotations

import os

import click

from rocmswitch.cli import output, wayback
from rocmswitch.cli.filenames import called, files
from rocmswitch.cli.main import Scopes
from rocmswitch.model.printable import printable
from rocmswitch.operations import restore
from rocmswitch.operations.sites import find_site
from rocmswitch.store.installed import Installed


@click.command(epilog="Example: rocmswitch restore myproj")
@click.argument("venv")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be put back.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, venv: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Put back what deployments have replaced in VENV: its packages' own files again.

    VENV is an environment's name or path, `user`, or a python. What was saved is checked before it is put back.
    """
    means = wayback.means(scopes, dry_run=dry_run)
    site = find_site(venv, Installed(scopes.searched), os.environ)
    plan = restore.plan(site, means)
    done, count = None, files(len(plan.returns))
    if plan.returns:
        wayback.show(plan, f"puts back {count} in {called(site.place)}")
        if not dry_run:
            question = "Put it back?" if len(plan.returns) == 1 else "Put them back?"
            done = wayback.finish(
                lambda: restore.execute(plan, site, means), question, f"put back {count}", yes=yes
            )
    else:
        wayback.show(plan)
        output.say(f"nothing is deployed in {printable(called(site.place))} that could be taken back")
    if as_json:
        output.write_json(wayback.as_json(plan, done))
