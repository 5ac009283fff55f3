"""rocmswitch link"""

from __future__ import annotations

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import settle
from rocmswitch.errors import NotFound
from rocmswitch.model.activation import CardVariable
from rocmswitch.operations import link
from rocmswitch.planning.activation import card_variables
from rocmswitch.store.catalog import Catalog
from rocmswitch.store.installed import Installed


@click.command(epilog="Example: rocmswitch link /opt/rocm-6.2.4")
@click.argument("folder")
@click.argument("name", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be linked.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, folder: str, name: str | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Use the ROCm in FOLDER, which something else installed, as a stack. NAME is linked-VERSION, or yours.

    Its files are only read, by its own tools: rocmswitch never changes, repairs or removes them.
    """
    settle(scopes, dry_run=dry_run)
    catalog, installed = machine.catalog(scopes), Installed((scopes.own,))
    linked = link.look(folder, scopes.searched)
    plan = link.plan(linked, name, catalog.names(), installed, _cards(catalog, linked.version))
    if as_json:
        output.write_json(None if plan.is_done else plan.as_json())
    _show(plan, folder)
    if dry_run:
        return
    output.agree("Link it?", yes=yes or plan.is_done)
    trees = machine.prefixes(scopes.own)
    link.execute(plan, trees, installed, machine.disk(), scopes.wait(link.WAIT))
    if plan.is_done:
        output.say(f"{plan.name} is linked to {linked.folder} already")
    else:
        output.say(f"linked {plan.name}: {trees.link(plan.name)}")
        output.say(f"next: `rocmswitch use {plan.name}`")


def _show(plan: link.LinkPlan, asked: str) -> None:
    linked = plan.linked
    output.say(f"{plan.name}: ROCm {linked.version} in {linked.folder} ({', '.join(linked.sonames)})")
    if asked.rstrip("/") != str(linked.folder):
        output.say(f"{asked} is {linked.folder} now; the link stays there if it moves on")
    for doubt in linked.doubts:
        output.say(f"warning: {doubt}")


def _cards(catalog: Catalog, version: str) -> tuple[CardVariable, ...]:
    """What AMD's own stack of that version sets on single cards, which it needs wherever it lies."""
    try:
        return card_variables(catalog.read(f"rocm-{version}").stack.gpus)
    except NotFound:
        return ()
