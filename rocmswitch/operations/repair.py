"""Build a damaged prefix again: from the packages that its receipt names, or without one from its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from rocmswitch.errors import Refused
from rocmswitch.fetch.download import Progress
from rocmswitch.fetch.repository import Repositories
from rocmswitch.model.package import Digest, Package
from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.model.stack import Stack
from rocmswitch.operations.building import Workshop, build
from rocmswitch.operations.resolving import Surroundings, Wish, origin_of, plan_prefix
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.activation import stated
from rocmswitch.planning.closure import resolve_closure
from rocmswitch.planning.gpupackages import Choice, expanded
from rocmswitch.planning.installplan import HostPackage, InstallPlan, PlannedPackage
from rocmswitch.planning.sets import roots_of, selected_sets, sets_of
from rocmswitch.planning.variant import MARK, own_name
from rocmswitch.store.cache import Cache
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.installed import Damaged
from rocmswitch.store.receipts import packages_named

_BECAUSE = "left to the host when it was installed"


def plan(receipt: Receipt, cache: Cache) -> InstallPlan:
    """The plan that makes the same tree once more, beside the damaged one. Asks no repository."""
    if receipt.linked:
        raise Refused(
            f"`{receipt.name}` is linked to `{receipt.linked}`, which is not ours to repair",
            hint=f"run `rocmswitch remove {receipt.name}` to let it go",
        )
    if receipt.kind != "prefix":
        raise Refused(
            f"`{receipt.name}` is an environment, which is not repaired but made again",
            hint=f"run `rocmswitch remove {receipt.name}`, "
            f"then `rocmswitch use {receipt.stack} --venv {receipt.name}`",
        )
    if receipt.name != receipt.stack:
        raise Refused(
            f"`{receipt.name}` is `{receipt.stack}` with files of yours, which no package holds",
            hint=f"run `rocmswitch remove {receipt.name}`, "
            f"then `rocmswitch deploy FILE --into {receipt.stack} --name {own_name(receipt.name, receipt.stack)}`",
        )
    return InstallPlan(
        name=receipt.name,
        stack_version=receipt.version,
        root=receipt.root,
        sets=receipt.sets,
        packages=tuple(_planned(one, cache) for one in receipt.packages),
        host=tuple(_left(one, receipt.relied_on) for one in receipt.host),
        sources=receipt.sources,
        environment=stated(receipt.activation),
        manifest_sha256=receipt.manifest_sha256,
        replaces=receipt.tree,
        nonce=receipt.tree,
        notes=receipt.notes,
        cards=receipt.activation.cards,
        gpus=receipt.gpus,
    )


def plan_anew(
    lost: Damaged, manifest: Manifest, wish: Wish, repositories: Repositories, around: Surroundings
) -> InstallPlan:
    """The plan for a prefix whose receipt is lost, from the index of the day and the sets that can be told.

    They are told by which packages have files in the tree. Raises Refused where that does not tell them, and
    what `plan_prefix` raises.
    """
    origin = origin_of(manifest.stack, wish, around)
    stack, present = origin.narrowed(manifest.stack), packages_named(lost.link)
    if origin.kind == "tarball" and present:
        return replace(plan_prefix(manifest, wish, repositories, around, Stages()), nonce=wish.current)
    opened = repositories.open(
        stack.rocm.sources, around.host, mirror=wish.mirror, allow_expired=wish.allow_expired
    )
    names = tuple(name for index, _ in opened.indexes for name in index.names())
    for sets in _choices(stack) if present else ():
        roots = expanded(roots_of(stack, sets), Choice(stack.name), lambda: names)
        closure = resolve_closure(roots, opened.indexes, architecture=around.host.architecture)
        if present <= {one.name for one in closure.packages}:
            plan = plan_prefix(manifest, replace(wish, sets=sets), repositories, around, Stages())
            return replace(plan, nonce=wish.current)
    raise cannot_be_told(lost)


def cannot_be_told(lost: Damaged) -> Refused:
    """The error for a tree of which nothing says what it was made of."""
    stack, mark, _ = lost.name.partition(MARK)
    again = "make it again"
    if lost.kind == "prefix":
        again = f"`rocmswitch deploy FILE --into {stack}`" if mark else f"`rocmswitch install {lost.name}`"
    return Refused(
        f"{lost.error.message}, and nothing else tells what `{lost.name}` was made of",
        hint=f"run `rocmswitch remove {lost.name}`, then {again}",
    )


def _choices(stack: Stack) -> Iterator[tuple[str, ...]]:
    """Every choice of sets, those with the fewest first."""
    names = sets_of(stack)
    chosen = (some for count in range(len(names) + 1) for some in combinations(names, count))
    return iter(dict.fromkeys(selected_sets(stack, some) for some in chosen))


def execute(plan: InstallPlan, workshop: Workshop, progress: Progress, stages: Stages) -> Receipt:
    """Make the tree and let the name mean it; the damaged one goes when nothing runs from it."""
    return build(plan, workshop, progress, stages)


def _planned(installed: InstalledPackage, cache: Cache) -> PlannedPackage:
    digest = Digest.sha256(installed.sha256)
    package = _package(installed.name, installed.version, digest, installed.size, installed.filename)
    return PlannedPackage(
        replace(package, installed_size=installed.installed_size),
        (installed.url,),
        installed.place,
        installed.verification,
        cached=cache.find(digest, installed.size) is not None,
        host_has=installed.host_has,
    )


def _left(text: str, relied_on: tuple[str, ...]) -> HostPackage:
    """From `libc6 2.36-9`, as the receipt writes it."""
    name, _, version = text.partition(" ")
    return HostPackage(_package(name, version, Digest.sha256("0" * 64), 0, ""), _BECAUSE, name in relied_on)


def _package(name: str, version: str, digest: Digest, size: int, filename: str) -> Package:
    return Package(name, version, "", filename, size, digest, 0, "")
