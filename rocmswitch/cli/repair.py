"""rocmswitch repair"""

from __future__ import annotations

import click

from rocmswitch.cli import machine, output, planned
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.progress import progress
from rocmswitch.operations import repair
from rocmswitch.operations.timing import Stages
from rocmswitch.store.installed import Installed
from rocmswitch.store.verify import verify_tree


@click.command(epilog="Example: rocmswitch repair debian-5.2.3")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
@click.pass_obj
def command(scopes: Scopes, name: str, yes: bool, dry_run: bool) -> None:
    """Build the prefix NAME again from exactly the packages that it was made from; then it takes its place."""
    one = Installed((scopes.own,)).find(name)
    faults = verify_tree(one.link, jobs=machine.processors())
    if not faults:
        output.say(f"{one.receipt.name} is as it was installed: nothing to repair")
        return
    output.say(f"{len(faults)} faults, the first: {faults[0]}")
    plan = repair.plan(one.receipt, machine.cache(scopes.own))
    planned.show_install(plan)
    if dry_run:
        return
    output.agree("Build it again?", yes=yes)
    with progress(plan.download_size + plan.cached_size) as shown:
        receipt = repair.execute(plan, machine.workshop(scopes.own), shown, Stages())
    output.say(f"repaired {receipt.name}: {scopes.own.prefixes / receipt.name}")
