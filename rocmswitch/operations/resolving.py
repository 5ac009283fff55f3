"""From a manifest to the plan of its prefix, shared by install and use: changes only the cache of indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rocmswitch.errors import NotFound, Refused, UnresolvedDependency, UsageMistake
from rocmswitch.fetch.place import Mirrors, locate
from rocmswitch.fetch.repository import Repositories
from rocmswitch.host.capabilities import lacking_capability
from rocmswitch.host.libraries import HostLibraries, evidence
from rocmswitch.metadata.lock import Lock
from rocmswitch.model.host import Evidence, Host
from rocmswitch.model.package import VERIFICATION_CLASSES, Digest, Package
from rocmswitch.model.receipt import SourceRecord
from rocmswitch.model.stack import Stack
from rocmswitch.operations.tarball import Shelf, offer_tarball
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.activation import card_variables
from rocmswitch.planning.closure import Closure, resolve_closure
from rocmswitch.planning.gpupackages import Choice, expanded
from rocmswitch.planning.install import Machine, Offer, Request, plan_install
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.locked import difference, kernels_of, kind_of, locked_offer
from rocmswitch.planning.offers import Index
from rocmswitch.planning.origin import Origin, Trust, choose_origin, origin_by_hash
from rocmswitch.planning.sets import roots_of, selected_sets
from rocmswitch.store.cache import Cache
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.firstuse import FirstUse


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
    source: str = ""
    """The kind of source that was named; empty takes what suits the machine."""
    keys: tuple[str, ...] = ()
    """Fingerprints that the user states, of keys that the manifest does not know."""
    installed_from: tuple[SourceRecord, ...] = ()
    """Where what is installed came from."""
    carried: bool | None = None
    """Whether what is installed carries its C library; None where nothing is."""
    accepted: Digest | None = None
    """What the user says that a tarball is now, whatever it was at its first use."""


@dataclass(frozen=True)
class Surroundings:
    """This machine: what it has, and what its cache has."""

    host: Host
    libraries: HostLibraries
    cache: Cache
    mirrors: Mapping[str, str]
    """By archive (`debian`): the mirror that the machine's own apt uses."""
    seen: FirstUse
    """The hashes that tarballs had when they were first used."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Fingerprints by the URLs of sources or keys, from the user's config.yaml."""


def origin_of(stack: Stack, wish: Wish, around: Surroundings) -> Origin:
    """Which kind of source the prefix of *stack* comes from here.

    Raises Refused where it has no prefix, UsageMistake, and VerificationFailed where nobody knows a source's key.
    """
    _check_prefix(stack)
    before = tuple(word for one in wish.installed_from for word in one.fingerprint.split())
    installed = next((one.kind for one in wish.installed_from), "")
    trust = Trust(wish.keys, around.keys, before)
    origin = choose_origin(stack, around.host, wish.source, trust=trust, installed=installed)
    if wish.accepted and origin.kind != "tarball":
        raise UsageMistake(f"`--accept` is about a tarball, and `{stack.name}` comes as packages, which are signed")
    return origin


def plan_prefix(
    manifest: Manifest, wish: Wish, repositories: Repositories, around: Surroundings, stages: Stages
) -> InstallPlan:
    """Decide what installing the sets of *wish* takes, from the signed indexes of the day.

    Raises what reading the indexes raises, NotFound, UnresolvedDependency, MachineLacks, VerificationFailed, and
    Refused where the stack has no prefix.
    """
    stack = origin_of(manifest.stack, wish, around).narrowed(manifest.stack)
    offer, found = offer_prefix(manifest, wish, repositories, around, stages)
    with stages.timed("plan"):
        sets, kinds = selected_sets(stack, wish.sets), manifest.stack.rocm.kinds
        request = Request(stack, sets, manifest.sha256, wish.current, wish.gpus or (), kinds, wish.carried)
        cached = _cached(offer.closure.packages, around.cache)
        return plan_install(request, offer, Machine(around.host, found, cached))


def offer_prefix(
    manifest: Manifest, wish: Wish, repositories: Repositories, around: Surroundings, stages: Stages
) -> tuple[Offer, Evidence]:
    """The whole closure of the sets of *wish* in the indexes of the day, and what this machine provably has of it.

    Raises as `plan_prefix`.
    """
    origin = origin_of(manifest.stack, wish, around)
    stack, because = origin.narrowed(manifest.stack), (f"taken from {origin.because}",) if origin.because else ()
    if origin.kind == "tarball":
        with stages.timed("index"):
            shelf = Shelf(around.seen, around.cache, wish.accepted)
            offer = offer_tarball(stack, wish.mirror, repositories.http, shelf)
        return replace(offer, notes=(*because, *offer.notes)), Evidence()
    with stages.timed("index"):
        late = wish.allow_expired
        opened = repositories.open(stack.rocm.sources, around.host, mirror=wish.mirror, allow_expired=late)
    with stages.timed("plan"):
        found = evidence(stack.rocm.host, stack.rocm.host, around.libraries)
        comparable = wish.tested is not None and kind_of(wish.tested) == origin.kind
        try:
            closure = resolve_closure(
                _roots(stack, wish, opened.indexes),
                opened.indexes,
                architecture=around.host.architecture,
                # What cannot be carried stands in, there or not: the plan says what it means that it is lacking.
                proven=(*(name for name, _ in found.proven), *stack.rocm.host_only),
                versions=opened.versions,
                lacks=lambda one: lacking_capability(one, around.libraries),
            )
        except UnresolvedDependency as error:
            if not comparable:
                raise
            raise UnresolvedDependency(error.message, hint=_tested_way(stack, wish)) from error
        differs = difference(closure, wish.tested) if wish.tested and comparable else ""
        notes = (*because, *opened.warnings, *filter(None, [differs]))
        kernels = kernels_of(wish.tested)
        offer = Offer(closure, opened.urls, opened.records, notes=notes, kernels=kernels, signers=opened.signers)
        return offer, with_capabilities(found, closure)


def with_capabilities(found: Evidence, closure: Closure) -> Evidence:
    """*found* with all that stands in *closure* for what the host has: capabilities that no index offers."""
    known = {name for name, _ in found.proven}
    hosts = (one.name for one in closure.packages if not one.source and one.name not in known)
    return replace(found, proven=(*found.proven, *((name, "this machine has it") for name in hosts)))


def plan_locked_prefix(manifest: Manifest, wish: Wish, around: Surroundings) -> InstallPlan:
    """The same from the tested lock: exact packages, each with the hash that was tested. Asks no server.

    Raises NotFound where the stack has no lock, Refused where it has no prefix.
    """
    stack = manifest.stack
    _check_prefix(stack)
    kind = kind_of(wish.tested) if wish.tested else ""
    if wish.tested is None or wish.source not in ("", kind):
        raise NotFound(f"`{stack.name}` has no tested lock", hint=f"run `rocmswitch install {stack.name}`")
    stack = origin_by_hash(stack, kind).narrowed(stack)
    sets = selected_sets(stack, wish.sets)
    request = Request(stack, sets, manifest.sha256, wish.current, wish.gpus or (), carried=wish.carried)
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


def _roots(stack: Stack, wish: Wish, indexes: Sequence[tuple[Index, int]]) -> tuple[str, ...]:
    choice = Choice(stack.name, wish.gpus or (), card_variables(stack.gpus), wish.sets)
    names = (name for index, _ in indexes for name in index.names())
    return expanded(roots_of(stack, selected_sets(stack, wish.sets)), choice, lambda: names)


def _check_prefix(stack: Stack) -> None:
    if stack.rocm.comes_as_wheels:
        raise Refused(
            f"`{stack.name}` cannot be installed: its ROCm comes as wheels, which are part of each environment",
            hint=f"run `rocmswitch use {stack.name} --venv NAME`",
        )


def _tested_way(stack: Stack, wish: Wish) -> str:
    """An archive that moves on, as sid does, has no longer what the manifest names; the lock knows where it is."""
    words = "".join(f" --set {one}" for one in wish.sets)
    return f"run `rocmswitch install {stack.name}{words} --locked`"


def _cached(packages: tuple[Package, ...], cache: Cache) -> frozenset[Digest]:
    return frozenset(one.digest for one in packages if cache.find(one.digest, one.size) is not None)
