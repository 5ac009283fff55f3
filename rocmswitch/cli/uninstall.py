"""rocmswitch uninstall"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from rocmswitch.cli import machine, output, wayback
from rocmswitch.cli.filenames import text_only
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import settle
from rocmswitch.cli.system_option import UNKNOWN_USERS, is_shared, system_option
from rocmswitch.errors import UsageMistake
from rocmswitch.model.deployment import Site
from rocmswitch.operations import init, restore, uninstall
from rocmswitch.operations.access import Means
from rocmswitch.operations.hooks import SHELLS
from rocmswitch.operations.ownprogram import removal
from rocmswitch.operations.sites import find_site
from rocmswitch.operations.uninstall import Elsewhere, Forest, Uninstall
from rocmswitch.planning.undoing import WayBack
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout


@click.command(epilog="Example: rocmswitch uninstall --dry-run")
@click.argument("name", required=False, metavar="")
@system_option
@click.option("--keep-cache", is_flag=True, help="Leave the downloaded archives.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be taken away.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the plan.")
@click.pass_obj
def command(scopes: Scopes, /, name: str | None, keep_cache: bool, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Take away all that rocmswitch has made: there is no way back.

    What is deployed in environments of others is put back first; what was only adopted there stays. A linked ROCm
    stays; so do changes of kernel modules, which have a command of their own. At the end it says how the program
    itself is removed.
    """
    if name is not None:
        raise UsageMistake("`uninstall` is about all of rocmswitch", hint=f"run `rocmswitch remove {name}`")
    settle(scopes, dry_run=dry_run)
    layout = scopes.own
    forests = (Forest(machine.venvs(layout), layout.venvs), Forest(machine.prefixes(layout), layout.prefixes))
    plan = uninstall.plan(layout, forests, keep_cache=keep_cache)
    ledger = machine.ledger(scopes)
    elsewhere = Elsewhere() if ledger.is_private else uninstall.look_elsewhere(ledger)
    hooks = () if is_shared(scopes) else tuple(_hooks(layout))
    if as_json:
        output.write_json(text_only(_as_json(plan, elsewhere, hooks)))
    else:
        _show(plan, elsewhere, hooks)
    for place in elsewhere.there:
        _way_back(scopes, place)  # what cannot be put back is found before anything is taken away
    if dry_run:
        return
    if not plan.is_nothing or hooks:
        output.agree("Take it all away, for good?", yes=yes)
        _carry_out(scopes, plan, elsewhere, hooks)
        output.say("all of it is gone; shells that are open keep what they have entered until they end")
    output.say(f"the program itself: `{removal(Path(sys.prefix), sys.executable)}`")


def _carry_out(scopes: Scopes, plan: Uninstall, elsewhere: Elsewhere, hooks: tuple[init.Plan, ...]) -> None:
    wait = scopes.wait(uninstall.WAIT)
    with uninstall.alone(plan, wait):
        for place in elsewhere.there:
            _restore(scopes, place)
        for hook in hooks:
            init.execute(hook, machine.disk())
        for folder in uninstall.execute(plan, machine.disk(), wait):
            output.say(f"{folder} stays: something there is not rocmswitch's")


def _hooks(layout: Layout) -> list[init.Plan]:
    plans = (init.plan(shell, layout, os.environ, removes=True) for shell in SHELLS)
    return [one for one in plans if one.writes_rc or one.writes_hook]


def _way_back(scopes: Scopes, place: str) -> tuple[WayBack, Site, Means]:
    """Raises what `restore` does where something unknown stands there, or what was saved is missing."""
    means = wayback.means(scopes, dry_run=True)
    site = find_site(place, Installed(scopes.searched), os.environ)
    return restore.plan(site, means), site, means


def _restore(scopes: Scopes, place: str) -> None:
    # Planned anew: a plan holds for the newest change, and another place may have been put back since.
    plan, site, means = _way_back(scopes, place)
    if plan.returns:
        restore.execute(plan, site, means)
        output.say(f"put back what was deployed in {place}")


def _as_json(plan: Uninstall, elsewhere: Elsewhere, hooks: tuple[init.Plan, ...]) -> dict[str, object]:
    return {
        "names": plan.names,
        "folders": [str(one) for one in plan.folders],
        "config": str(plan.layout.config_file) if plan.layout.config_file.is_file() else "",
        "hooks": [str(one.rc) for one in hooks],
        "puts_back": elsewhere.there,
        "gone": elsewhere.gone,
        "adopted": elsewhere.adopted,
        "replaced": elsewhere.replaced,
        "freed": plan.freed,
    }


def _written(manifests: Path) -> str:
    """Nothing brings back what somebody has written."""
    names = sorted(file.stem for file in manifests.glob("*.yaml"))
    return f", with {output.counted(len(names), 'manifest')}: {', '.join(names)}" if names else ""


def _show(plan: Uninstall, elsewhere: Elsewhere, hooks: tuple[init.Plan, ...]) -> None:
    layout = plan.layout
    if plan.is_nothing and not hooks:
        output.say(f"nothing of rocmswitch's is in {layout.data}")
    for place in elsewhere.there:
        output.say(f"puts back what is deployed in {place}")
    for place in elsewhere.adopted:
        output.say(f"what was adopted in {place} stays as it is; the copies of what stood there before go")
    for place in elsewhere.gone:
        output.say(
            f"{place} is gone, where something was deployed: if it was only moved or is not mounted, have it there "
            "first, for what is saved of it goes too"
        )
    for place in elsewhere.replaced:
        output.say(
            f"what was deployed in {place} was replaced there since; what is saved of what stood there before goes"
        )
    for hook in hooks:
        output.say(f"takes the hook out of {hook.rc}")
    if plan.names:
        output.say(f"removes {', '.join(plan.names)}")
        if layout.scope == "system":
            output.say(UNKNOWN_USERS)
    for folder in plan.folders:
        output.say(f"removes {folder}{_written(folder) if folder == layout.manifests else ''}")
    if layout.config_file.is_file():
        output.say(f"removes {layout.config_file}")
    if plan.freed:
        output.say(f"frees {output.size(plan.freed)}")
    if os.path.lexists(Layout.driver(Path("/")).data):
        output.say("what was changed of kernel modules stays: `sudo rocmswitch undo driver` takes that back")
    shared = Layout.system()
    if layout != shared and shared.prefixes.is_dir():
        output.say(f"what all users share stays in {shared.data}")
