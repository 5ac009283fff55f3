"""Deploy into a stack: a variant of it, in a tree of its own, with the user's files in place of the stack's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.deploy.room import check_free
from rocmswitch.errors import Failed, Refused, VerificationFailed
from rocmswitch.host.incoming import read_incoming
from rocmswitch.host.libraryfiles import find_libraries, place_files
from rocmswitch.host.neighbours import survey
from rocmswitch.model.deployment import Generation, Intent, NewFile, NewLink, Place, Replacement, Seen, Site
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations.ownlinks import place, replacement
from rocmswitch.operations.scripts import write_scripts
from rocmswitch.planning.activation import CarriedLoader
from rocmswitch.planning.deployment import plan_deployment
from rocmswitch.planning.placing import Placing
from rocmswitch.planning.space import tree_size
from rocmswitch.planning.variant import (
    USUAL,
    VariantPlan,
    deployed_entry,
    own_name,
    replaced_entries,
    variant_name,
    variant_receipt,
)
from rocmswitch.store.compilers import Prefix, tell_compilers
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.receipts import TREES, read_files
from rocmswitch.store.relocate import Machine
from rocmswitch.store.trees import Trees
from rocmswitch.store.variant import Part, assemble, relocate_parts
from rocmswitch.store.verify import is_as_installed, verify_entries, verify_written
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.folder import Folder

WAIT = 3600.0
"""Seconds to wait for another rocmswitch that installs the stack."""


@dataclass(frozen=True)
class Workbench:
    """What a variant is made with. *installed* is the scope of `trees`."""

    trees: Trees
    ledger: Ledger
    disk: Disk
    machine: Machine
    installed: Installed
    wait: float = WAIT


def plan(
    files: Sequence[str], into: str, installed: Installed, *, goes_as: str = "", name: str = ""
) -> VariantPlan:
    """What putting the user's *files* into the stack *into* takes. Changes nothing.

    *goes_as* is where a file goes below the ROCm tree, where its soname does not say it; *name* what the variant
    is called. Raises NotFound, UsageMistake, VerificationFailed, and Refused for what is not ours to change.
    """
    base = installed.find(into)
    _check(base)
    stack = base.receipt.stack
    called = variant_name(stack, name or own_name(base.receipt.name, stack) or USUAL)
    found = installed.prefix(called)
    site = Site(place("prefix", base.receipt.name, base.tree), (), stack=stack)
    placed = place_files(_below_root(site, base, goes_as), read_incoming(files, goes_as))
    placings = tuple(_as_relocated(one, site) for one in placed)
    deployment = plan_deployment(site, placings, survey(site, placings), _notes(base, found))
    changes = tuple(_below(base.tree, one) for one in deployment.replacements)
    sources = tuple(_seen(Path(one)) for one in deployment.sources)
    replaces = found.receipt.tree if found else ""
    there = replace(site.place, name=called, folder=str(base.link.with_name(called)))
    whole = replace(deployment, place=there, replacements=changes)
    return VariantPlan(called, base.receipt.name, base.receipt.tree, whole, sources, replaces)


def execute(
    plan: VariantPlan, bench: Workbench, *, reason: str = "", expected: int | None = None
) -> tuple[Generation, Receipt]:
    """Make the tree, and let the name mean it: a recorded change, which can be taken back.

    *reason* is the user's own, where the plan has problems. Raises Busy, Failed, Refused, MachineLacks.
    """
    trees = bench.trees
    with trees.locked(plan.base, bench.wait):
        if trees.current(plan.base) != plan.base_tree:
            raise _changed_meanwhile(plan.base)
        if plan.name == plan.base:
            generation = _publish(plan, bench, reason, expected)
        else:
            with trees.locked(plan.name, bench.wait):
                generation = _publish(plan, bench, reason, expected)
    return generation, trees.receipt(plan.name)


def _publish(plan: VariantPlan, bench: Workbench, reason: str, expected: int | None) -> Generation:
    trees = bench.trees
    if trees.current(plan.name) != plan.replaces:
        raise _changed_meanwhile(plan.name)
    while plan.tree != plan.replaces and trees.is_kept(plan.tree) and not is_as_installed(trees.path(plan.tree)):
        plan = replace(plan, unlike=plan.tree)
    if not trees.is_whole(plan.tree):
        check_free(trees.path(plan.base_tree), tree_size(plan.deployment.written))
        _make(plan, bench)
    link = trees.link(plan.name)
    change = replacement(link, NewLink(f"{TREES}/{plan.tree}"))
    intent = Intent("deploy", _place(plan, trees), reason, notes=_said(plan))
    generation = bench.ledger.carry_out(intent, (change,), wait=bench.wait, expected=expected)
    trees.sweep()
    write_scripts(plan.name, bench.installed, bench.disk)
    return generation


def _make(plan: VariantPlan, bench: Workbench) -> None:
    base, tree = bench.trees.path(plan.base_tree), bench.trees.begin(plan.tree)
    receipt, before = bench.trees.receipt(plan.base), read_files(base)
    parts = tuple(
        Part(one.path, Path(one.content.source), seen)
        for one, seen in zip(plan.replacements, plan.sources, strict=True)
        if isinstance(one.content, NewFile)
    )
    with disk_errors(tree):
        made = assemble(base, before, tree, parts, bench.disk)
        entries = relocate_parts(tree, made.entries, receipt.root, bench.machine, bench.disk)
        prefix = Prefix(bench.trees.link(plan.name), receipt.root, CarriedLoader(receipt.loader, receipt.libraries))
        entries = tell_compilers(tree, entries, prefix, bench.disk)
    old = replaced_entries(before, plan)
    sources = {part.path: str(part.source) for part in parts}
    listed = tuple(
        deployed_entry(one, old[one.path], sources[one.path], made.sources[one.path])
        if one.path in sources
        else one
        for one in entries
    )
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    bench.trees.complete(plan.tree, plan.name, variant_receipt(receipt, plan, now), listed)


def _check(base: Installation) -> None:
    """Raise Refused unless it is a tree of ours that is as it was made.

    Names, sizes and modes have to tell, and the content of what was written to since: the variant says of every
    file that it shares what the receipt of the stack says, and to read all of them would take minutes.
    """
    receipt = base.receipt
    if receipt.kind != "prefix":
        raise Failed(f"`{receipt.name}` is an environment, and no stack")
    if receipt.linked:
        raise Refused(
            f"`{receipt.name}` is linked to `{receipt.linked}`, whose files are not ours to change",
            hint="run `rocmswitch list`, and name a stack that rocmswitch has installed",
        )
    entries = read_files(base.tree)
    faults = verify_entries(base.tree, entries, quick=True) or verify_written(base.tree, entries)
    if faults:
        raise VerificationFailed(
            f"`{receipt.name}` is not as it was installed: {faults[0]}",
            hint=f"run `rocmswitch repair {receipt.name}`",
        )


def _below_root(site: Site, base: Installation, goes_as: str) -> Site:
    """Where the path *goes_as* leads from: the ROCm tree, or all that was unpacked where only that has it."""
    tree = Path(site.place.resolved)
    root = tree / base.receipt.root
    is_there = (root / goes_as).exists() or (not (tree / goes_as).exists() and (root / goes_as).parent.is_dir())
    return replace(site, place=replace(site.place, resolved=str(root))) if goes_as and is_there else site


def _as_relocated(placing: Placing, site: Site) -> Placing:
    """As the loader will see it: with the search path of all files in a tree, and no executable stack."""
    new, old = placing.incoming, placing.target.facts
    if new.facts is None:
        return placing
    folders = {
        str(Path(one.whole).parent)
        for name in new.facts.needed
        for one in find_libraries(site, name)
        if name in one.names | {one.facts.soname}
    }
    rpath = ":".join(filter(None, (old.rpath or old.runpath if old else "", *sorted(folders))))
    facts = replace(new.facts, rpath=rpath, runpath="", executable_stack=False)
    return replace(placing, incoming=replace(new, facts=facts))


def _below(tree: Path, one: Replacement) -> Replacement:
    """With its path below the whole tree."""
    root = os.path.realpath(tree)
    return replace(one, root=root, path=str(Path(one.root, one.path).relative_to(root)))


def _notes(base: Installation, found: Installation | None) -> tuple[str, ...]:
    if found is None or found.receipt.name == base.receipt.name:
        return ()
    name = found.receipt.name
    return (f"`{name}` is made anew from `{base.receipt.name}`; to add to it, deploy into `{name}`",)


def _place(plan: VariantPlan, trees: Trees) -> Place:
    """The name, though it may mean nothing as yet."""
    tree = Path(os.path.realpath(trees.path(plan.tree)))
    found = tree.stat()
    return Place("prefix", plan.name, str(trees.link(plan.name)), str(tree), found.st_dev, found.st_ino)


def _said(plan: VariantPlan) -> tuple[str, ...]:
    """For the history: what stands in the variant in place of what the stack has, and what spoke against it."""
    put = (
        f"`{one.path}` is `{one.content.source}`" for one in plan.replacements if isinstance(one.content, NewFile)
    )
    return (*put, *(one.what for one in plan.deployment.problems))


def _seen(path: Path) -> Seen:
    with disk_errors(path), Folder.reached(path.parent) as folder:
        return folder.seen(path.name)


def _changed_meanwhile(name: str) -> Failed:
    return Failed(f"`{name}` was changed by another rocmswitch meanwhile", hint="run the same command again")
