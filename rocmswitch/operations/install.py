"""Install a stack's prefix: from its name to the plan, and from the plan to the tree."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from rocmswitch.errors import MachineLacks
from rocmswitch.fetch.download import Downloads, Progress
from rocmswitch.fetch.repository import Repositories
from rocmswitch.host import reliance
from rocmswitch.host.libraries import HostLibraries
from rocmswitch.metadata.lock import Lock
from rocmswitch.model.host import Missing
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations import building
from rocmswitch.operations.building import Workshop, build
from rocmswitch.operations.resolving import Surroundings, Wish, origin_of, plan_locked_prefix, plan_prefix
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.sets import selected_sets
from rocmswitch.planning.space import Room, check_space
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.trees import Trees


def is_there(
    manifest: Manifest,
    sets: tuple[str, ...],
    receipt: Receipt | None,
    source: str = "",
    gpus: tuple[str, ...] | None = None,
) -> bool:
    """Whether the prefix has all *sets* already, so that nothing has to be planned and no server asked.

    Where a kind of *source* is asked for, it has to have come from there; where cards are, to be for them.
    """
    if receipt is None or source not in ("", kind_of(receipt)) or gpus not in (None, receipt.gpus):
        return False
    return set(selected_sets(manifest.stack, sets)) <= set(receipt.sets)


def missing_now(
    manifest: Manifest, receipt: Receipt, libraries: HostLibraries, tested: Callable[[], Lock | None]
) -> tuple[Missing, ...]:
    """What the machine was to have for the prefix and has no longer, where a new tree would carry all of it."""
    found = reliance.missing_now(receipt, manifest.stack.rocm, libraries, tested)
    return found if all(one.can_be_carried for one in found) else ()


def kind_of(receipt: Receipt) -> str:
    """The kind of source that a prefix came from."""
    return next((one.kind for one in receipt.sources), "")


def is_as_tested(receipt: Receipt | None, tested: Lock | None) -> bool:
    """Whether everything that is installed is what the lock names."""
    if receipt is None or tested is None:
        return False
    return {one.sha256 for one in receipt.packages} <= {one.sha256 for one in tested.packages}


def with_installed(wish: Wish, receipt: Receipt | None) -> Wish:
    """Sets add up, and the cards stay: those that are installed, unless another kind of source is asked for."""
    if receipt is None:
        return wish
    wish = replace(wish, gpus=receipt.gpus if wish.gpus is None else wish.gpus, carried=bool(receipt.loader))
    if wish.source not in ("", kind_of(receipt)):
        return replace(wish, current=receipt.tree)
    return replace(
        wish,
        sets=tuple(dict.fromkeys((*receipt.sets, *wish.sets))),
        current=receipt.tree,
        installed_from=receipt.sources,
    )


def plan(
    manifest: Manifest, wish: Wish, repositories: Repositories, around: Surroundings, stages: Stages
) -> InstallPlan:
    """Decide what installing takes. Changes nothing but the cache of indexes."""
    return plan_prefix(manifest, wish, repositories, around, stages)


def from_its_source(manifest: Manifest, wish: Wish, around: Surroundings) -> Wish:
    """*wish* with the kind of source that planning will choose. Raises as `origin_of`."""
    return replace(wish, source=origin_of(manifest.stack, wish, around).kind)


def plan_locked(manifest: Manifest, wish: Wish, around: Surroundings) -> InstallPlan:
    """The same from the tested lock, without asking a server."""
    return plan_locked_prefix(manifest, wish, around)


@contextlib.contextmanager
def fetching_ahead(plan: InstallPlan, downloads: Downloads) -> Iterator[None]:
    """Fetch for *plan*, made of the tested lock, while the index is read and decides: mostly it says the same.

    Only for those who have agreed beforehand. What arrives has the hash that the lock pins, and goes to the cache.
    """
    with downloads.ahead(
        [artifact for artifact, planned in building.artifacts(plan) if not (planned.cached or planned.shared)]
    ):
        yield


def without_shared(plan: InstallPlan, trees: Trees) -> InstallPlan:
    """*plan*, in which packages that the new tree will share with the replaced one need no download."""
    return building.without_shared(plan, trees)


def check_room(plan: InstallPlan, cache: Path, prefixes: Path, trees: Trees) -> None:
    """Raise MachineLacks where a file system has too little room: before the first byte is fetched.

    What a broken run has left in *prefixes* goes first, if that is what takes the room.
    """
    try:
        check_space(plan, *rooms(cache, prefixes))
    except MachineLacks:
        if not trees.sweep():
            raise
        check_space(plan, *rooms(cache, prefixes))


def rooms(cache: Path, prefixes: Path) -> tuple[Room, Room]:
    """What is free now where archives go, and where trees go."""
    return _room(cache), _room(prefixes)


def execute(plan: InstallPlan, workshop: Workshop, progress: Progress, stages: Stages) -> Receipt:
    """Carry out *plan*: the stack appears whole or not at all."""
    return build(plan, workshop, progress, stages)


def _room(folder: Path) -> Room:
    """The file system that *folder* lies on, or will lie on."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = os.statvfs(there)
    return Room(str(folder), there.stat().st_dev, free.f_bavail * free.f_frsize)
