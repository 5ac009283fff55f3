"""rocmswitch repair"""

from __future__ import annotations

import click

from rocmswitch.cli import machine, output, planned
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.progress import progress
from rocmswitch.cli.settling import settle
from rocmswitch.cli.system_option import check_own, system_option
from rocmswitch.errors import VerificationFailed
from rocmswitch.operations import install, repair
from rocmswitch.operations.resolving import Wish
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.store.installed import Damaged, Installation, Installed
from rocmswitch.store.verify import verify_tree


@click.command(epilog="Example: rocmswitch repair debian-5.2.3")
@click.argument("name")
@click.option("--mirror", metavar="URL", help="Where the receipt is lost: take a distribution's archive from here.")
@system_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the plan.")
@click.pass_obj
def command(scopes: Scopes, /, name: str, mirror: str | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Build the prefix NAME again from exactly the packages that it was made from; then it takes its place.

    Where its receipt is lost, from the packages of the day.
    """
    check_own(scopes, name)
    settle(scopes, dry_run=dry_run)
    installed = Installed((scopes.own,))
    lost = installed.damaged(name)
    plan = _plan_anew(scopes, lost, mirror) if lost else _plan(scopes, installed.find(name))
    if plan is None:
        output.say(f"{name} is as it was installed: nothing to repair")
        if as_json:
            output.write_json(None)
        return
    rooms = install.rooms(scopes.own.cache, scopes.own.prefixes)
    if as_json:
        output.write_json(planned.install_as_json(plan, rooms))
    else:
        planned.show_install(plan, rooms)
    if dry_run:
        return
    install.check_room(plan, scopes.own.cache, scopes.own.prefixes, machine.prefixes(scopes.own))
    output.agree("Build it again?", yes=yes)
    with progress(plan.download_size + plan.cached_size) as shown:
        receipt = repair.execute(plan, machine.workshop(scopes), shown, Stages())
    output.say(f"repaired {receipt.name}: {scopes.own.prefixes / receipt.name}")


def _plan(scopes: Scopes, one: Installation) -> InstallPlan | None:
    """None where there is no fault. Of a linked tree nobody here could tell."""
    if one.receipt.linked:
        return repair.plan(one.receipt, machine.cache(scopes.own))
    try:
        faults = verify_tree(one.link, jobs=machine.processors())
    except VerificationFailed as error:
        output.say(error.message)
    else:
        if not faults:
            return None
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults, the first"
        output.say(f"{count}: {faults[0]}")
    return repair.plan(one.receipt, machine.cache(scopes.own))


def _plan_anew(scopes: Scopes, lost: Damaged, mirror: str | None) -> InstallPlan:
    output.say(lost.error.message)
    catalog = machine.catalog(scopes)
    if lost.kind != "prefix" or lost.name not in catalog.names():
        raise repair.cannot_be_told(lost)
    current = machine.prefixes(scopes.own).current(lost.name)
    wish = Wish((), current=current, mirror=mirror, tested=machine.lock(scopes, lost.name))
    around = machine.surroundings(scopes.own)
    return repair.plan_anew(lost, catalog.read(lost.name), wish, machine.repositories(scopes.own), around)
