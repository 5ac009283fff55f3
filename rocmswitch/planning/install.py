"""From a closure to the plan: which packages are unpacked here, where, and which are left to the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rocmswitch.model.host import Evidence, Host
from rocmswitch.model.keys import Keys
from rocmswitch.model.package import SIGNED, Digest, Package
from rocmswitch.model.receipt import SourceRecord
from rocmswitch.model.stack import Stack
from rocmswitch.planning.activation import card_variables
from rocmswitch.planning.closure import Closure
from rocmswitch.planning.installplan import HostPackage, InstallPlan, PlannedPackage
from rocmswitch.planning.placement import BASE, HostTable, Placement, place_packages
from rocmswitch.planning.release import check_release
from rocmswitch.planning.sets import selected_sets


@dataclass(frozen=True)
class Request:
    """What is asked for: a stack's manifest, and the sets as the user named them."""

    stack: Stack
    sets: tuple[str, ...]
    manifest_sha256: str = ""
    replaces: str = ""
    """The tree that the stack's name points to now."""
    gpus: tuple[str, ...] = ()
    """The cards that the user chose; empty for all."""
    kinds: tuple[str, ...] = ()
    """All kinds of source that the whole manifest has."""
    carried: bool | None = None
    """Whether that tree carries its C library; None where there is none, or nobody looked."""


def _nobody(package: Package) -> tuple[Keys, ...]:
    return ()


@dataclass(frozen=True)
class Offer:
    """What there is: the closure of the request's roots, and where and how its packages are found and checked."""

    closure: Closure
    urls: Callable[[Package], tuple[str, ...]]
    sources: tuple[SourceRecord, ...]
    verification: str = SIGNED
    notes: tuple[str, ...] = ()
    kernels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By the SHA-256 of a package, the bytes of files for one target alone, where the tested lock states them."""
    signers: Callable[[Package], tuple[Keys, ...]] = _nobody
    """By which a package has to be signed itself, where nobody signed the index with its hash."""
    unhashed: bool = False
    """Nobody has stated the hash of its one package: it is learned when that arrives."""
    accepted: tuple[str, ...] = ()
    """Addresses of it that had another hash at their first use, which the user says is past."""


@dataclass(frozen=True)
class Machine:
    """Where it is to go: what the host provably has, and which archives are in the cache already."""

    host: Host
    evidence: Evidence
    cached: frozenset[Digest] = frozenset()


def plan_install(request: Request, offer: Offer, machine: Machine) -> InstallPlan:
    """Decide which packages are unpacked, where, and which are left to the host: together the whole closure.

    Raises MachineLacks where the host lacks what cannot be carried, VerificationFailed where packages belong
    to another release.
    """
    stack, rocm = request.stack, request.stack.rocm
    check_release(stack, (one for one in offer.closure.packages if one.filename))
    listed = {*rocm.host, *(name for name, _ in machine.evidence.proven)}
    table = HostTable(frozenset(listed), frozenset(rocm.host_only), hint=_instead(request, offer.closure))
    keep = bool(request.carried)
    placement = place_packages(offer.closure, table, machine.evidence, machine.host.glibc, keep=keep)
    packages = tuple(
        _planned(one, placement, offer, machine) for one in offer.closure.packages if one.name in placement.unpacked
    )
    return InstallPlan(
        name=stack.name,
        stack_version=rocm.version,
        root=rocm.root,
        sets=selected_sets(stack, request.sets),
        packages=packages,
        host=_left_to_the_host(offer.closure, placement),
        sources=offer.sources,
        environment=tuple(sorted(rocm.environment.items())),
        manifest_sha256=request.manifest_sha256,
        replaces=request.replaces,
        notes=(*_carrying(placement, request), *offer.notes),
        cards=card_variables(stack.gpus),
        gpus=request.gpus,
        accepted=offer.accepted,
    )


def _carrying(placement: Placement, request: Request) -> tuple[str, ...]:
    """That the C library is carried, and what it means for those who were bound to a tree without one."""
    if not placement.carried:
        return ()
    name = request.stack.name
    bound = f"environments of {name} start by the machine's loader: `rocmswitch use {name} --venv NAME --rebind`"
    said = f"carried along, with its own C library, because {placement.carried}"
    return (said, bound) if request.carried is False else (said,)


def _instead(request: Request, closure: Closure) -> str:
    """What to do where these packages cannot run here: AMD's rpm packages are built for an older C library."""
    stack = request.stack
    taken = {stack.rocm.sources[int(one.source)].kind for one in closure.packages if one.source}
    if "rpm" in (request.kinds or stack.rocm.kinds) and "rpm" not in taken:
        return f"run `rocmswitch install {stack.name} --source rpm`"
    return "run `rocmswitch recommend`"


def _planned(package: Package, placement: Placement, offer: Offer, machine: Machine) -> PlannedPackage:
    place, because = placement.unpacked[package.name]
    known = offer.kernels.get(package.digest.value)
    return PlannedPackage(
        package=package,
        urls=offer.urls(package),
        place=place,
        verification=offer.verification,
        cached=package.digest in machine.cached,
        because=because,
        host_has=place == BASE and package.name in dict(machine.evidence.proven),
        kernels=None if known is None else tuple(known.items()),
        signers=offer.signers(package),
        unhashed=offer.unhashed,
    )


def _left_to_the_host(closure: Closure, placement: Placement) -> tuple[HostPackage, ...]:
    needed = {*closure.roots, *(need for name in placement.unpacked for need in closure.needs[name])}
    return tuple(
        HostPackage(one, placement.host[one.name], one.name in needed)
        for one in closure.packages
        if one.name in placement.host
    )
