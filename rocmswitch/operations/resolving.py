"""From a manifest to the plan of its prefix, shared by install and use: changes only the cache of indexes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rocmswitch.errors import NotFound, Refused
from rocmswitch.fetch.place import Mirrors, locate
from rocmswitch.fetch.repository import Repositories
from rocmswitch.host.libraries import HostLibraries, evidence
from rocmswitch.metadata.lock import Lock
from rocmswitch.model.host import Evidence, Host
from rocmswitch.model.package import VERIFICATION_CLASSES, Digest, Package
from rocmswitch.model.stack import Stack
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.closure import resolve_closure
from rocmswitch.planning.install import (
    InstallPlan,
    Machine,
    Offer,
    Request,
    plan_install,
    roots_of,
    selected_sets,
)
from rocmswitch.planning.locked import difference, kernels_of, locked_offer
from rocmswitch.store.cache import Cache
from rocmswitch.store.catalog import Manifest


@dataclass(frozen=True)
class Wish:
    """What the user asked for. `current` is the tree that the stack's name points to now."""

    sets: tuple[str, ...]
    current: str = ""
    mirror: str | None = None
    allow_expired: bool = False
    tested: Lock | None = None
    """The lock beside the manifest, with which the plan is compared."""
    gpus: tuple[str, ...] | None = None
    """The cards that were named, none of them for all; None keeps what is installed."""


@dataclass(frozen=True)
class Surroundings:
    """This machine: what it has, and what its cache has."""

    host: Host
    libraries: HostLibraries
    cache: Cache
    mirrors: Mapping[str, str]
    """By archive (`debian`): the mirror that the machine's own apt uses."""


def plan_prefix(
    manifest: Manifest, wish: Wish, repositories: Repositories, around: Surroundings, stages: Stages
) -> InstallPlan:
    """Decide what installing the sets of *wish* takes, from the signed indexes of the day.

    Raises what reading the indexes raises, NotFound, UnresolvedDependency, MachineLacks, VerificationFailed, and
    Refused where the stack has no prefix.
    """
    stack = manifest.stack
    offer, found = offer_prefix(manifest, wish, repositories, around, stages)
    with stages.timed("plan"):
        request = Request(stack, selected_sets(stack, wish.sets), manifest.sha256, wish.current, wish.gpus or ())
        cached = _cached(offer.closure.packages, around.cache)
        return plan_install(request, offer, Machine(around.host, found, cached))


def offer_prefix(
    manifest: Manifest, wish: Wish, repositories: Repositories, around: Surroundings, stages: Stages
) -> tuple[Offer, Evidence]:
    """The whole closure of the sets of *wish* in the indexes of the day, and what this machine provably has of it.

    Raises as `plan_prefix`.
    """
    stack = manifest.stack
    _check_prefix(stack)
    with stages.timed("index"):
        opened = repositories.open(
            stack.rocm.sources, around.host, mirror=wish.mirror, allow_expired=wish.allow_expired
        )
    with stages.timed("plan"):
        found = evidence(stack.rocm.host, stack.rocm.host, around.libraries)
        closure = resolve_closure(
            roots_of(stack, selected_sets(stack, wish.sets)),
            opened.indexes,
            architecture=around.host.architecture,
            proven=tuple(name for name, _ in found.proven),
        )
        differs = difference(closure, wish.tested) if wish.tested else ""
        notes = (*opened.warnings, *([differs] if differs else []))
        kernels = kernels_of(wish.tested)
        return Offer(closure, opened.urls, opened.records, notes=notes, kernels=kernels), found


def plan_locked_prefix(manifest: Manifest, wish: Wish, around: Surroundings) -> InstallPlan:
    """The same from the tested lock: exact packages, each with the hash that was tested. Asks no server.

    Raises NotFound where the stack has no lock, Refused where it has no prefix.
    """
    stack = manifest.stack
    _check_prefix(stack)
    if wish.tested is None:
        raise NotFound(f"`{stack.name}` has no tested lock", hint=f"run `rocmswitch install {stack.name}`")
    request = Request(stack, selected_sets(stack, wish.sets), manifest.sha256, wish.current, wish.gpus or ())
    places = locate(stack.rocm.sources, around.host, Mirrors(wish.mirror, around.mirrors))
    offer = locked_offer(request, wish.tested, lambda one: places[int(one.source)].in_repository(one.filename))
    found = evidence(stack.rocm.host, stack.rocm.host, around.libraries)
    return plan_install(request, offer, Machine(around.host, found, _cached(offer.closure.packages, around.cache)))


def check_required(plan: InstallPlan, required: str | None) -> None:
    """Raise Refused where a package of *plan* is checked by less than *required*."""
    if required is None:
        return
    rank = VERIFICATION_CLASSES.index
    weak = [one for one in plan.packages if rank(one.verification) < rank(required)]
    if weak:
        first = min(weak, key=lambda one: rank(one.verification))
        raise Refused(
            f"`{first.package.name}` is only `{first.verification}`, and `{required}` is required",
            hint=f"run the same command with `--require {first.verification}`",
        )


def _check_prefix(stack: Stack) -> None:
    if stack.rocm.comes_as_wheels:
        raise Refused(
            f"`{stack.name}` cannot be installed: its ROCm comes as wheels, which are part of each environment",
            hint=f"run `rocmswitch use {stack.name} --venv NAME`",
        )


def _cached(packages: tuple[Package, ...], cache: Cache) -> frozenset[Digest]:
    return frozenset(one.digest for one in packages if cache.find(one.digest, one.size) is not None)
