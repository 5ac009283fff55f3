"""A prefix made from its plan: fetched, unpacked, relocated, published. Shared by install, repair and use."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from rocmswitch.errors import Busy, Failed, RocmswitchError
from rocmswitch.fetch.download import Downloads, Progress
from rocmswitch.metadata.elf import ElfFacts
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.package import Artifact
from rocmswitch.model.receipt import InstalledPackage, LeftOut, Receipt
from rocmswitch.operations.scripts import write_scripts
from rocmswitch.operations.tarball import first_used, learned
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.activation import plan_activation
from rocmswitch.planning.gpufiles import left_out, summed
from rocmswitch.planning.installplan import InstallPlan, PlannedPackage
from rocmswitch.store.cmakefiles import place_packages
from rocmswitch.store.compilers import Prefix, tell_compilers
from rocmswitch.store.firstuse import FirstUse
from rocmswitch.store.gpufiles import leading_away, wanted_members
from rocmswitch.store.installed import Installed
from rocmswitch.store.members import Limits
from rocmswitch.store.receipts import read_files, read_receipt
from rocmswitch.store.relocate import Machine, NoLibraries, Relocated, read_facts, relocate
from rocmswitch.store.reuse import Reused, Wanted, key, reusable, reuse
from rocmswitch.store.sharing import share_same
from rocmswitch.store.toolchain import complete_toolchain
from rocmswitch.store.tools import offer_tools
from rocmswitch.store.trees import Trees
from rocmswitch.store.unpack import Unpacked, Unpacker, Unpacking, merge_entries
from rocmswitch.store.verify import is_as_installed
from rocmswitch.system.disk import Disk, disk_errors

WAIT = 3600.0
"""Seconds to wait for another rocmswitch that installs the same stack."""


@dataclass(frozen=True)
class Workshop:
    """What an installation works with: where packages come from, and where they are unpacked."""

    downloads: Downloads
    trees: Trees
    disk: Disk
    machine: Machine
    installed: Installed
    """The scope of `trees`, for the scripts that enter what is in it."""
    seen: FirstUse
    """The hashes that tarballs had when they were first used."""
    wait: float = WAIT
    bundle: str = ""
    """The one that `downloads` fetches from; empty for servers."""


def build(plan: InstallPlan, workshop: Workshop, progress: Progress, stages: Stages) -> Receipt:
    """Carry out *plan*: the stack appears whole or not at all.

    Where another rocmswitch has made the same tree meanwhile, that one is used. Raises Busy, Failed,
    VerificationFailed, NetworkFailed and MachineLacks; the next command cleans up what was begun.
    """
    trees, asked = workshop.trees, plan
    plan = learned(asked, workshop.downloads, workshop.seen, progress)
    with first_used(asked, workshop.seen, workshop.bundle), alone(trees, plan.name, workshop.wait, progress):
        current = trees.current(plan.name)
        plan = _sound(plan, trees, current, stages)
        if current not in (plan.tree, plan.replaces):
            raise Failed(
                f"`{plan.name}` was changed by another rocmswitch meanwhile", hint="run the same command again"
            )
        if current != plan.tree:
            if trees.is_whole(plan.tree):
                trees.point(plan.name, plan.tree)
            else:
                _make(plan, workshop, progress, stages)
            trees.sweep()
        write_scripts(plan.name, workshop.installed, workshop.disk)
        return trees.receipt(plan.name)


def _sound(plan: InstallPlan, trees: Trees, current: str, stages: Stages) -> InstallPlan:
    """*plan* for another tree where the one that was removed is not as it was installed: it is not used again."""
    with stages.timed("verify"):
        while plan.tree != current and trees.is_kept(plan.tree) and not is_as_installed(trees.path(plan.tree)):
            plan = replace(plan, nonce=plan.tree)
    return plan


@contextlib.contextmanager
def alone(trees: Trees, name: str, wait: float, progress: Progress) -> Iterator[None]:
    """Hold the lock of *name*; if another rocmswitch has it, say so and wait for it. Raises Busy."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(trees.locked(name, 0))
        except Busy as error:
            if wait:
                progress.said(f"{error.message}: waiting")
            stack.enter_context(trees.locked(name, wait))
        yield


def artifacts(plan: InstallPlan) -> Iterator[tuple[Artifact, PlannedPackage]]:
    """What has to be fetched, and what it is for."""
    for planned in plan.packages:
        package = planned.package
        yield (
            Artifact(
                package.name,
                package.version,
                package.filename,
                planned.urls,
                package.size,
                package.digest,
                planned.verification,
                planned.signers,
                package.architecture,
            ),
            planned,
        )


def _make(plan: InstallPlan, workshop: Workshop, progress: Progress, stages: Stages) -> None:
    tree, machine, disk = workshop.trees.begin(plan.tree), workshop.machine, workshop.disk
    if plan.carries_c_library:
        # The machine's are of another C library: what the tree lacks is lacking.
        machine = replace(machine, libraries=NoLibraries())
    with disk_errors(tree), stages.timed("download and unpack"):
        filled = _fetch_and_unpack(plan, tree, workshop, progress)
    with disk_errors(tree), stages.timed("relocate"):
        relocated = relocate(tree, filled.entries, root=plan.root, machine=machine, disk=disk, known=filled.known)
        relocated = complete_toolchain(tree, relocated, machine.libraries, disk)
        there = frozenset(one.package.name for one in plan.packages if one.host_has)
        relocated = offer_tools(tree, relocated, disk, there)
        relocated = place_packages(tree, relocated, plan.root, disk)
        prefix = Prefix(workshop.trees.link(plan.name), plan.root, relocated.carried)
        relocated = replace(relocated, entries=tell_compilers(tree, relocated.entries, prefix, disk))
        if plan.replaces:
            share_same(workshop.trees.path(plan.replaces), tree, relocated.entries, disk)
    with stages.timed("receipt and sync"):
        workshop.trees.publish(plan.tree, plan.name, _receipt(plan, filled, relocated), relocated.entries)


@dataclass(frozen=True)
class _Filled:
    """A tree with all packages in it."""

    entries: tuple[FileEntry, ...]
    known: dict[str, ElfFacts | None]
    left_out: tuple[LeftOut, ...]
    lacking: tuple[str, ...]
    """Notes on libraries without files for a chosen card."""


def _fetch_and_unpack(plan: InstallPlan, tree: Path, workshop: Workshop, progress: Progress) -> _Filled:
    """Each package is unpacked as soon as it has arrived, and looked at, while others are still on their way."""
    planned = dict(artifacts(plan))
    kept = _take_over(plan, tree, workshop)
    wanted = [artifact for artifact, one in planned.items() if key(_installed(one)) not in kept.whole]
    unpacked: list[Unpacked] = []
    known: dict[str, ElfFacts | None] = {}
    with (
        Unpacker(workshop.disk, workshop.machine.jobs) as unpacker,
        contextlib.closing(workshop.downloads.fetch(wanted, progress)) as arriving,
    ):
        for artifact, archive in arriving:
            unpacker.submit(_unpacking(plan, artifact, archive, tree, planned[artifact]))
            for one in unpacker.ready():
                unpacked.append(one)
                known |= read_facts(tree, one.entries, workshop.machine)
        unpacked += unpacker.done()
    unpacked.sort(key=lambda one: one.work.package)
    entries = merge_entries([*kept.whole.values(), *(kept.agreed(one.entries) for one in unpacked)])
    records = (record for one in unpacked for record in left_out(one.work.package, one.left_out))
    away = leading_away(entries, plan.needed)
    for path in away:
        workshop.disk.remove(tree / path)
    entries = tuple(one for one in entries if one.path not in away)
    passed_over = summed((*kept.left_out, *records, *away.values()))
    lacking = plan.needed.without((one.path for one in entries), passed_over)
    said = (note for one in unpacked for note in one.notes)
    return _Filled(entries, known, passed_over, (*lacking, *said))


def _unpacking(
    plan: InstallPlan, artifact: Artifact, archive: Path, tree: Path, planned: PlannedPackage
) -> Unpacking:
    limits = Limits.for_installed_size(planned.package.installed_size)
    wanted = wanted_members(plan.needed, planned.place)
    return Unpacking(artifact.name, archive, tree, planned.place, limits=limits, root=plan.root, wanted=wanted)


def without_shared(plan: InstallPlan, trees: Trees) -> InstallPlan:
    """*plan*, in which packages that the new tree will share with the replaced one need no download."""
    if not plan.replaces:
        return plan
    old = trees.path(plan.replaces)
    try:
        shared = reusable(read_receipt(old), read_files(old), _wanted(plan))
    except RocmswitchError:
        # A tree whose receipt cannot be read shares nothing: `repair` is on its way, or `verify` says so.
        return plan
    return replace(
        plan,
        packages=tuple(replace(one, shared=key(_installed(one)) in shared) for one in plan.packages),
    )


def _take_over(plan: InstallPlan, tree: Path, workshop: Workshop) -> Reused:
    """Packages that are the same in the replaced tree: linked from there, neither fetched nor unpacked again."""
    if not plan.replaces:
        return Reused()
    return reuse(workshop.trees.path(plan.replaces), tree, _wanted(plan), workshop.disk)


def _wanted(plan: InstallPlan) -> Wanted:
    return Wanted(frozenset(key(_installed(one)) for one in plan.packages), plan.root, plan.needed)


def _receipt(plan: InstallPlan, filled: _Filled, relocated: Relocated) -> Receipt:
    return Receipt(
        kind="prefix",
        name=plan.name,
        stack=plan.name,
        version=plan.stack_version,
        tree=plan.tree,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        sets=plan.sets,
        root=plan.root,
        packages=tuple(_installed(one) for one in plan.packages),
        host=tuple(str(one.package) for one in plan.host),
        relied_on=tuple(one.package.name for one in plan.host if one.is_relied_on),
        sources=plan.sources,
        activation=plan_activation(
            plan.name, plan.root, plan.environment, relocated.entries, plan.cards, relocated.carried
        ),
        manifest_sha256=plan.manifest_sha256,
        loader=relocated.carried.loader,
        libraries=relocated.carried.libraries,
        gpus=plan.gpus,
        left_out=filled.left_out,
        notes=tuple(dict.fromkeys((*plan.notes, *filled.lacking, *relocated.notes))),
    )


def _installed(planned: PlannedPackage) -> InstalledPackage:
    package = planned.package
    return InstalledPackage(
        package.name,
        package.version,
        package.filename,
        package.size,
        package.digest.value,
        planned.verification,
        planned.place,
        package.installed_size,
        planned.urls[0] if planned.urls else "",
        planned.host_has,
    )
