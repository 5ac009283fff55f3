"""rocmswitch cache"""

from __future__ import annotations

from dataclasses import asdict

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.system_option import system_option, system_reading_option
from rocmswitch.operations import backup, cache
from rocmswitch.store.installed import Installed
from rocmswitch.store.scratch import sweep


@click.group(epilog="Example: rocmswitch cache size")
def command() -> None:
    """Look at the downloaded archives, or delete them. Installed stacks never need them."""


@command.command(epilog="Example: rocmswitch cache size --json")
@system_reading_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def size(scopes: Scopes, as_json: bool) -> None:
    """Say how much the cache holds.

    And how much of that a repair would need again, and what is kept so that changes can be taken back.
    """
    layout = scopes.own
    forests = (machine.prefixes(layout), machine.venvs(layout))
    ledger = machine.ledger(scopes)
    wanted = cache.wanted(Installed(scopes.searched), cache.kept(forests, ledger))
    held = cache.held(machine.cache(layout), wanted, layout)
    # Another user's records are not for this one's eyes.
    kept = None if ledger.is_private else backup.kept(backup.Stock(ledger, forests)).freed
    if as_json:
        output.write_json({**asdict(held), "kept": kept, "path": str(layout.cache)})
        return
    output.write(f"{output.size(held.bytes)} in {output.counted(held.files, 'archive')}  {layout.cache}")
    output.write(
        f"  {output.size(held.needed)} of it are what is installed was made from, and a repair takes again"
    )
    output.write(f"  {output.size(held.unreferenced)} nothing needs, which `rocmswitch cache prune` deletes")
    output.write(f"{output.size(held.indexes)} in package indexes")
    shared = f", and {output.size(held.shared_wheels)} that environments share" if held.shared_wheels else ""
    output.write(f"{output.size(held.wheels)} in unpacked wheels{shared}")
    if kept is not None:
        output.write(f"{output.size(kept)} kept to take changes back, which `rocmswitch backup prune` lets go of")


@command.command(epilog="Example: rocmswitch cache prune --yes")
@system_option
@click.option("--all", "everything", is_flag=True, help="Also what an installed or removed stack was made from.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the plan.")
@click.pass_obj
def prune(scopes: Scopes, /, everything: bool, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Delete what can be fetched or unpacked again.

    Archives that no installed stack was made from, and unpacked wheels.
    """
    store = machine.cache(scopes.own)
    forests = (machine.prefixes(scopes.own), machine.venvs(scopes.own))
    installed, kept = Installed(scopes.searched), cache.kept(forests, machine.ledger(scopes))
    keep = frozenset() if everything else cache.wanted(installed, kept)
    unwanted = store.prune(keep, dry_run=True)
    wheels = machine.uv(scopes.own)
    size, unpacked = sum(one.size for one in unwanted), wheels.size()
    if as_json:
        output.write_json({"archives": len(unwanted), "bytes": size, "wheels": unpacked})
    output.say(f"deletes {output.size(size)} in {output.counted(len(unwanted), 'archive')}")
    output.say(f"deletes {output.size(unpacked)} in unpacked wheels")
    if kept and not everything:
        output.say(
            "what `rocmswitch undo` can bring back keeps its own, until `rocmswitch backup prune` lets it go"
        )
    if dry_run:
        return
    output.agree("Delete them, and what broken runs have left?", yes=yes)
    for trees in forests:
        for tree in trees.sweep():
            output.say(f"deleted {tree}, which was unfinished or is no longer used")
    sweep(scopes.own.scratch, machine.disk())
    removed = store.prune(keep)
    wheels.discard()
    output.say(f"deleted {output.size(sum(one.size for one in removed))} and the unpacked wheels")
