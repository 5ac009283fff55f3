"""rocmswitch install --locked FILE: the same bytes as where the lock was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rocmswitch.cli import bundled, machine, output, planned
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.progress import progress
from rocmswitch.cli.settling import settle
from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.operations import install, lock
from rocmswitch.operations.resolving import check_required
from rocmswitch.operations.timing import Stages
from rocmswitch.store.installed import Installed

if TYPE_CHECKING:
    from rocmswitch.cli.install_options import Options
    from rocmswitch.metadata.treelock import LockedTree
    from rocmswitch.store.catalog import Manifest


def install_locked(scopes: Scopes, name: str, file: str, options: Options) -> None:
    """Plan, show, ask and install; or say that it is there. *name* may be empty where *file* has one prefix.

    Raises as planning and installing do, and UsageMistake for what the lock decides alone.
    """
    _check_decided(options)
    settle(scopes, dry_run=options.dry_run)
    path = Path(file)
    locked = lock.chosen(lock.read_lock(path), name, path)
    manifest = _manifest(scopes, locked, path)
    there = Installed((scopes.own,)).prefix(locked.stack)
    current = there.receipt.tree if there else ""
    around = machine.surroundings(scopes.own, scopes.supplies)
    plan = lock.plan(locked, manifest.stack, around, current)
    if there and not options.dry_run and lock.is_same(there.receipt, locked):
        output.say(f"{locked.stack} is installed already, as {path} has it")
        if options.as_json:
            output.write_json(None)
        return
    plan = install.without_shared(plan, machine.prefixes(scopes.own))
    check_required(plan, options.require or "pinned")
    rooms = install.rooms(scopes.own.cache, scopes.own.prefixes)
    bundled.tell(scopes, locked.stack)
    if options.as_json:
        output.write_json(planned.install_as_json(plan, rooms))
    else:
        output.say(f"as {path} has it: who wrote that says what each package is, by its hash")
        if scopes.supplies is None:
            output.say(f"fetched from {', '.join(lock.servers(locked))}, as is said there")
        signer = "as the lock says, it was signed by"
        planned.show_install(plan, rooms, signer=signer, where=bundled.where(scopes))
    if options.dry_run:
        return
    install.check_room(plan, scopes.own.cache, scopes.own.prefixes, machine.prefixes(scopes.own))
    output.agree("Install it?", yes=options.yes)
    stages = Stages()
    with progress(plan.download_size + plan.cached_size) as shown:
        receipt = install.execute(plan, machine.workshop(scopes), shown, stages)
    output.say(f"installed {receipt.name}: {output.size(receipt.size)}, {scopes.own.prefixes / receipt.name}")
    machine.report_timings(stages)


def _check_decided(options: Options) -> None:
    decided = {"--set": options.sets, "--gpu": options.gpu, "--source": options.source, "--accept": options.accept}
    for word, said in decided.items():
        if said:
            raise UsageMistake(f"`{word}` and a lock exclude each other: the lock says all of it")


def _manifest(scopes: Scopes, locked: LockedTree, path: Path) -> Manifest:
    """Whoever wrote the lock has it, and what the packages are is said there alone. Raises NotFound."""
    catalog = machine.catalog(scopes)
    if locked.stack not in catalog.names():
        raise NotFound(
            f"`{path}` is of `{locked.stack}`, from {', '.join(lock.servers(locked))}, which has no manifest here",
            hint=f"put `{locked.stack}.yaml`, from where the lock was written, into `{scopes.own.manifests}`, "
            "then run the same command again",
        )
    return catalog.read(locked.stack)
