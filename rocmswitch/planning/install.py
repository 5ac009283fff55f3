"""What installing a stack takes: the plan that is shown, compared and then obeyed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import CardVariable
from rocmswitch.model.host import Evidence, Host
from rocmswitch.model.keys import Keys
from rocmswitch.model.package import C_LIBRARIES, SIGNED, Digest, Package
from rocmswitch.model.receipt import SourceRecord
from rocmswitch.model.source import SET_NAMES
from rocmswitch.model.stack import Stack
from rocmswitch.planning.activation import card_variables
from rocmswitch.planning.closure import Closure
from rocmswitch.planning.gpufiles import Kernels, kernels_for
from rocmswitch.planning.placement import BASE, HostTable, Placement, place_packages
from rocmswitch.planning.release import check_release

TREE_ID_LENGTH = 12


@dataclass(frozen=True)
class PlannedPackage:
    """A package that will be unpacked. `place` is `rocm` (the tree itself) or `base` (what the host lacks)."""

    package: Package
    urls: tuple[str, ...]
    place: str
    verification: str
    cached: bool
    because: str = ""
    """For `base`: what the host lacks."""
    host_has: bool = False
    """It is carried although the machine has it, because the C library is."""
    kernels: tuple[tuple[str, int], ...] | None = None
    """By target, the bytes of files that are for it alone; None where nobody knows before it is unpacked."""
    unhashed: bool = False
    """Nobody has stated its hash: that of the package is a stand-in until it is here."""
    signers: tuple[Keys, ...] = ()
    """By which it has to be signed itself, where nobody signed the index with its hash."""
    shared: bool = False
    """The new tree takes it over from the one that it replaces, by hard links: nothing is fetched or unpacked."""


@dataclass(frozen=True)
class HostPackage:
    """A member of the closure that is left to the host."""

    package: Package
    because: str
    is_relied_on: bool = False
    """An unpacked package needs it itself, not only another one that is left to the host."""


@dataclass(frozen=True)
class InstallPlan:
    """All that `execute` obeys. Two plans that would make the same tree have the same `tree`."""

    name: str
    stack_version: str
    root: str
    sets: tuple[str, ...]
    packages: tuple[PlannedPackage, ...]
    host: tuple[HostPackage, ...]
    sources: tuple[SourceRecord, ...]
    environment: tuple[tuple[str, str], ...]
    manifest_sha256: str
    replaces: str = ""
    """The precondition: the tree that NAME points to now, empty where there is none."""
    nonce: str = ""
    """Set by a repair, so that the new tree is not the one that it replaces."""
    notes: tuple[str, ...] = ()
    cards: tuple[CardVariable, ...] = ()
    """What the manifest sets on single cards."""
    gpus: tuple[str, ...] = ()
    """The cards that the user chose; empty for all. Files that are for others alone are not unpacked."""
    accepted: tuple[str, ...] = ()
    """Addresses that had another hash at their first use: what its package has is required there from now on."""

    @property
    def needed(self) -> Kernels:
        """Tells which files the chosen cards need."""
        return kernels_for(self.gpus, self.cards)

    @property
    def left_out_size(self) -> int:
        """Bytes that are not unpacked, as far as that is known before."""
        return sum(self._left_out_of(one) for one in self.packages)

    @property
    def left_out_is_known(self) -> bool:
        """Whether that is all of it."""
        return not self.gpus or all(one.kernels is not None for one in self.packages if one.place != BASE)

    @property
    def carries_c_library(self) -> bool:
        """Whether the tree has a C library and a loader of its own, by which its programs start."""
        return any(one.place == BASE and one.package.name in C_LIBRARIES for one in self.packages)

    @property
    def download_size(self) -> int:
        """Bytes to fetch: what the cache does not have."""
        return sum(one.package.size for one in self.packages if not (one.cached or one.shared))

    @property
    def cached_size(self) -> int:
        return sum(one.package.size for one in self.packages if one.cached or one.shared)

    @property
    def installed_size(self) -> int:
        """Bytes on disk, as the packages themselves state it, without what is known to be left out."""
        return sum(one.package.installed_size - self._left_out_of(one) for one in self.packages)

    @property
    def added_size(self) -> int:
        """Bytes on disk that are not there yet."""
        new = (one for one in self.packages if not one.shared)
        return sum(one.package.installed_size - self._left_out_of(one) for one in new)

    @property
    def tree(self) -> str:
        """The name of the tree's folder, NAME-<12 hex>: from what decides its content, not from what is cached."""
        content = {
            "name": self.name,
            "root": self.root,
            "sets": self.sets,
            "packages": sorted((str(one.package.digest), one.place) for one in self.packages),
            "environment": self.environment,
            "cards": [asdict(one) for one in self.cards],
            "nonce": self.nonce,
            **({"gpus": self.gpus} if self.gpus else {}),
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:TREE_ID_LENGTH]}"

    def as_json(self) -> dict[str, object]:
        """What `install --dry-run --json` prints."""
        return {
            "stack": self.name,
            "version": self.stack_version,
            "tree": self.tree,
            "sets": list(self.sets),
            "gpus": list(self.gpus),
            "left_out_size": self.left_out_size,
            "left_out_is_known": self.left_out_is_known,
            "download_size": self.download_size,
            "cached_size": self.cached_size,
            "installed_size": self.installed_size,
            "packages": [_package_as_json(one) for one in self.packages],
            "host": [
                {"name": one.package.name, "version": one.package.version, "because": one.because}
                for one in self.host
            ],
            "sources": [asdict(one) for one in self.sources],
            "notes": list(self.notes),
        }

    def _left_out_of(self, planned: PlannedPackage) -> int:
        if planned.place == BASE or not self.gpus:
            return 0
        known = sum(size for target, size in planned.kernels or () if not self.needed.runs(target))
        return min(known, planned.package.installed_size)


def _package_as_json(planned: PlannedPackage) -> dict[str, object]:
    package = planned.package
    return {
        "name": package.name,
        "version": package.version,
        "url": planned.urls[0] if planned.urls else "",
        "size": package.size,
        "sha256": package.digest.value,
        "installed_size": package.installed_size,
        "verification": planned.verification,
        "place": planned.place,
        "because": planned.because,
        "cached": planned.cached,
        "shared": planned.shared,
    }


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


def sets_of(stack: Stack) -> tuple[str, ...]:
    """The names of the sets that *stack* has, in their order."""
    tables = [sets for sets in (stack.rocm.sets, stack.rocm.rpm_sets) if sets is not None]
    if not tables and "tarball" in stack.rocm.kinds:
        return SET_NAMES
    return tuple(name for name in SET_NAMES if any(getattr(sets, name) for sets in tables))


def selected_sets(stack: Stack, asked: tuple[str, ...]) -> tuple[str, ...]:
    """The sets that an installation has, in their order: runtime is in all, developer has all, sets add up.

    Raises UsageMistake for a set that *stack* does not have.
    """
    there = sets_of(stack)
    for name in asked:
        if name not in there:
            known = ", ".join(f"`{one}`" for one in there) or "none"
            raise UsageMistake(
                f"`{stack.name}` has no set `{name}`, its sets are: {known}",
                hint=f"run `rocmswitch show {stack.name}`",
            )
    if "developer" in asked or stack.rocm.kinds == ("tarball",):
        return there  # a tarball has everything
    return tuple(name for name in there if name in ("runtime", *asked))


def roots_of(stack: Stack, sets: tuple[str, ...]) -> tuple[str, ...]:
    """The package roots of *sets*, as the manifest writes them."""
    if stack.rocm.roots is None:
        return ()
    return tuple(dict.fromkeys(root for name in sets for root in getattr(stack.rocm.roots, name)))


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
