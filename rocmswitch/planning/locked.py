"""From a closure to a lock and back: what was tested once can be planned again, without an index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from rocmswitch.errors import ManifestMistake
from rocmswitch.metadata.debversion import satisfies
from rocmswitch.metadata.lock import Lock, LockedPackage, LockedSource
from rocmswitch.model.grammar import parse_root
from rocmswitch.model.package import PINNED, Digest, Package, Relation
from rocmswitch.model.receipt import SourceRecord
from rocmswitch.model.stack import Stack
from rocmswitch.planning.activation import card_variables
from rocmswitch.planning.closure import Closure, resolve_closure
from rocmswitch.planning.gpupackages import Choice, expanded
from rocmswitch.planning.install import Offer, Request
from rocmswitch.planning.offers import Index
from rocmswitch.planning.placement import C_LIBRARY, c_library_bound
from rocmswitch.planning.sets import roots_of, selected_sets, sets_of

Mirrors = Callable[[Package], tuple[str, ...]]
"""Where a package may be fetched from today, the best place first."""

_NAMED = 3
"""Packages that a note names before it only counts them."""


def make_lock(stack: Stack, indexes: Sequence[tuple[Index, int]], sources: tuple[LockedSource, ...]) -> Lock:
    """Everything that any set of *stack* needs, as *indexes* have it now.

    Raises ManifestMistake where a set alone has other packages than among all sets together, because one
    lock could then not serve both.
    """
    everything = resolve_closure(_roots(stack, sets_of(stack), indexes), indexes)
    members = {name: _members(stack, name, indexes, everything) for name in sets_of(stack)}
    packages = sorted(everything.packages, key=lambda one: one.name)
    return Lock(
        schema=1,
        stack=stack.name,
        date=sources[0].date,
        sources=sources,
        packages=tuple(_locked(one, everything, members) for one in packages),
    )


def locked_offer(request: Request, lock: Lock, mirrors: Mirrors) -> Offer:
    """What *lock* has for *request*: for `plan_install`, in the place of an offer made from an index.

    Raises ManifestMistake where it is another stack's lock or has no package for one of the roots.
    """
    if lock.stack != request.stack.name:
        raise ManifestMistake(f"the lock is of `{lock.stack}`, not of `{request.stack.name}`")
    stack = request.stack
    choice = Choice(stack.name, request.gpus, card_variables(stack.gpus), request.sets)
    asked = roots_of(stack, selected_sets(stack, request.sets))
    roots = _locked_roots(lock, expanded(asked, choice, lambda: (one.name for one in lock.packages)))

    def urls(package: Package) -> tuple[str, ...]:
        snapshot = lock.sources[int(package.source)].snapshot
        return (*mirrors(package), *([f"{snapshot}/{quote(package.filename, safe='/+~')}"] if snapshot else []))

    return Offer(
        closure=_locked_closure(lock).reachable(roots),
        urls=urls,
        sources=tuple(
            SourceRecord(one.url, one.suite, one.date, one.fingerprint, one.sha256, kind=kind_of(lock))
            for one in lock.sources
        ),
        verification=PINNED,
        kernels=kernels_of(lock),
    )


def kernels_of(lock: Lock | None) -> dict[str, dict[str, int]]:
    """By the SHA-256 of a package, what *lock* states of the files that are for one target alone."""
    return {one.sha256: one.kernels for one in lock.packages if one.kernels is not None} if lock else {}


def kind_of(lock: Lock) -> str:
    """The kind of source that *lock* is of, which the names of its packages tell."""
    return "rpm" if any(one.filename.endswith(".rpm") for one in lock.packages) else "apt"


def _locked_closure(lock: Lock) -> Closure:
    """All of *lock*; its packages know of their relations only which C library they need."""
    return Closure(
        packages=tuple(_package(one) for one in lock.packages),
        roots=tuple(one.name for one in lock.packages),
        needs={one.name: one.needs for one in lock.packages},
    )


def difference(closure: Closure, lock: Lock) -> str:
    """One line on how *closure* differs from what was tested; empty where it does not."""
    tested = _locked_closure(lock)
    known = {one.name for one in lock.packages}
    before = _versions(tested.reachable(tuple(one for one in closure.roots if one in known)))
    today = _versions(closure)
    moved = sorted(name for name in before.keys() & today.keys() if before[name] != today[name])
    changes = [f"{name} {before[name]} → {today[name]}" for name in moved]
    changes += [f"{name} {today[name]} is new" for name in sorted(today.keys() - before.keys())]
    changes += [f"{name} {before[name]} is gone" for name in sorted(before.keys() - today.keys())]
    if not changes:
        return ""
    more = [f"{len(changes) - _NAMED} more"] if len(changes) > _NAMED else []
    return f"today's closure differs from the tested one: {', '.join([*changes[:_NAMED], *more])}"


def _versions(closure: Closure) -> dict[str, str]:
    return {one.name: one.version for one in closure.packages}


def _roots(stack: Stack, sets: tuple[str, ...], indexes: Sequence[tuple[Index, int]]) -> tuple[str, ...]:
    """Those of every card."""
    names = (name for index, _ in indexes for name in index.names())
    return expanded(roots_of(stack, sets), Choice(stack.name), lambda: names)


def _members(stack: Stack, name: str, indexes: Sequence[tuple[Index, int]], everything: Closure) -> frozenset[str]:
    """Names of the packages of one set."""
    alone = resolve_closure(_roots(stack, selected_sets(stack, (name,)), indexes), indexes)
    among_all = everything.reachable(alone.roots)
    if _versions(alone) != _versions(among_all):
        raise ManifestMistake(f"the set `{name}` of `{stack.name}` has other packages alone than with all sets")
    return frozenset(one.name for one in alone.packages)


def _locked(package: Package, closure: Closure, members: Mapping[str, frozenset[str]]) -> LockedPackage:
    if package.digest.algorithm != "sha256":
        raise ManifestMistake(f"`{package}` has no SHA-256 sum, so it cannot be locked")
    return LockedPackage(
        name=package.name,
        version=package.version,
        architecture=package.architecture,
        filename=package.filename,
        size=package.size,
        installed_size=package.installed_size,
        sha256=package.digest.value,
        sets=tuple(name for name, names in members.items() if package.name in names),
        needs=closure.needs[package.name],
        glibc=c_library_bound(package),
        source=package.source,
    )


def _package(locked: LockedPackage) -> Package:
    bound = ((Relation(C_LIBRARY, ">=", locked.glibc),),) if locked.glibc else ()
    return Package(
        name=locked.name,
        version=locked.version,
        architecture=locked.architecture,
        filename=locked.filename,
        size=locked.size,
        digest=Digest.sha256(locked.sha256),
        installed_size=locked.installed_size,
        source=locked.source,
        depends=bound,
    )


def _locked_roots(lock: Lock, roots: tuple[str, ...]) -> tuple[str, ...]:
    versions = {one.name: one.version for one in lock.packages}
    names = []
    for root in roots:
        name, bounds = parse_root(root)
        there = versions.get(name, "")
        if not there or not all(satisfies(there, Relation(name, *bound)) for bound in bounds):
            raise ManifestMistake(f"the lock of `{lock.stack}` has no `{root}`")
        names.append(name)
    return tuple(names)
