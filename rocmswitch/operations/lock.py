"""Locks of what is installed here, and plans that make the same somewhere else."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

from rocmswitch.errors import Failed, MachineLacks, NotFound, Refused, UsageMistake, VerificationFailed
from rocmswitch.fetch.http import shown
from rocmswitch.host.libraries import evidence
from rocmswitch.metadata.lock import Lock
from rocmswitch.metadata.treelock import (
    SIZE_LIMIT,
    LockedFile,
    LockedIndex,
    LockedTree,
    LockedVariable,
    TreeLock,
    parse_tree_lock,
)
from rocmswitch.metadata.wheellock import LockedWheel, WheelLock
from rocmswitch.model.activation import CardVariable
from rocmswitch.model.convolutionwords import CONVOLUTIONS
from rocmswitch.model.package import PINNED, Digest, Package
from rocmswitch.model.receipt import InstalledPackage, Receipt, SourceRecord
from rocmswitch.model.stack import Stack
from rocmswitch.operations.resolving import Surroundings
from rocmswitch.planning.activation import stated
from rocmswitch.planning.installplan import HostPackage, InstallPlan, PlannedPackage
from rocmswitch.planning.placement import BASE
from rocmswitch.store.cache import Cache
from rocmswitch.system.reading import open_regular

_LEFT = "left to the host by the lock"


def is_lockable(receipt: Receipt) -> bool:
    """Whether packages make the prefix what it is: not a linked one, nor one with files of its owner."""
    return not receipt.linked and receipt.name == receipt.stack


def lock_prefix(receipt: Receipt, tested: Lock | None) -> LockedTree:
    """The lock of an installed prefix; *tested* knows where its packages stay for good.

    Raises Refused for one that is not lockable.
    """
    if not is_lockable(receipt):
        raise Refused(f"`{receipt.name}` cannot be locked: no packages make it what it is")
    snapshots = _snapshots(tested)
    made = LockedTree(
        stack=receipt.stack,
        version=receipt.version,
        tree="",
        root=receipt.root,
        packages=tuple(_locked(one, snapshots) for one in receipt.packages),
        sets=receipt.sets,
        gpus=receipt.gpus,
        environment=dict(stated(receipt.activation)),
        cards=tuple(LockedVariable(**asdict(one)) for one in receipt.activation.cards),
        host=receipt.host,
        sources=tuple(_source(one) for one in receipt.sources),
        manifest_sha256=receipt.manifest_sha256,
    )
    # A repaired tree has another name for the same content: the lock has the one that everybody else gets.
    return msgspec.structs.replace(made, tree=_plan(made, None).tree)


def lock_environment(receipt: Receipt, python: str) -> WheelLock:
    """The lock of an environment, whose interpreter has the tag *python*: what `use --locked` takes.

    Raises Refused where a wheel is of this machine alone.
    """
    return WheelLock(
        schema=1,
        stack=receipt.stack,
        python=python,
        wheels=tuple(_wheel(one) for one in receipt.packages if one.name != CONVOLUTIONS),
        torch=receipt.torch,
        index=receipt.index,
        gpu=next(iter(sorted(receipt.cards)), ""),
        pins=receipt.pins,
        unpacked=receipt.size,
    )


def read_lock(path: Path) -> TreeLock:
    """The lock of prefixes at *path*. Raises UsageMistake and ManifestMistake."""
    try:
        with open_regular(path) as file:
            return parse_tree_lock(file.read(SIZE_LIMIT + 1), str(path))
    except OSError as error:
        raise UsageMistake(f"`{path}` cannot be read: {error.strerror}") from error


def chosen(lock: TreeLock, name: str, path: Path) -> LockedTree:
    """The prefix *name* of *lock*, or the only one where none is named. Raises NotFound and UsageMistake."""
    if not name and len(lock.prefixes) > 1:
        names = ", ".join(f"`{one.stack}`" for one in lock.prefixes)
        raise UsageMistake(f"`{path}` has {names}: name the one to install")
    for one in lock.prefixes:
        if name in ("", one.stack):
            return one
    raise NotFound(f"`{name}` is not in the lock `{path}`")


def servers(locked: LockedTree) -> tuple[str, ...]:
    """Those that its packages are fetched from: who wrote the lock chose them."""
    return tuple(sorted({urlsplit(url).netloc for one in locked.packages for url in one.urls}))


def is_same(receipt: Receipt, locked: LockedTree) -> bool:
    """Whether what is installed has the content of *locked*, under whatever name a repair has given it."""
    return receipt.name == receipt.stack and lock_prefix(receipt, None).tree == locked.tree


def plan(locked: LockedTree, stack: Stack, around: Surroundings, current: str) -> InstallPlan:
    """The plan that makes the very tree of *locked* here. *current* is what the stack's name means now.

    Raises MachineLacks where this machine has not what the lock leaves to it, and VerificationFailed for a lock of
    another release than the manifest's.
    """
    if locked.version != stack.rocm.version:
        here = f"whose manifest is of `{stack.rocm.version}`"
        raise VerificationFailed(f"the lock has version `{locked.version}` of `{locked.stack}`, {here}")
    made = replace(_plan(locked, around.cache), replaces=current)
    if made.tree != locked.tree:
        raise Failed(f"the lock of `{locked.stack}` was changed by hand: its content is not `{locked.tree}`")
    if not made.carries_c_library:
        left = {text.partition(" ")[0] for text in locked.host}
        lacking = [
            f"`{name}` ({why})"
            for name, why in evidence(stack.rocm.host, stack.rocm.host, around.libraries).lacking
            if name in left
        ]
        if lacking:
            raise MachineLacks(
                f"this machine lacks what the lock of `{locked.stack}` leaves to it: {', '.join(lacking)}",
                hint=f"run `rocmswitch install {locked.stack}` for a tree that carries it along",
            )
    return made


def _plan(locked: LockedTree, cache: Cache | None) -> InstallPlan:
    return InstallPlan(
        name=locked.stack,
        stack_version=locked.version,
        root=locked.root,
        sets=locked.sets,
        packages=tuple(_planned(one, cache) for one in locked.packages),
        host=tuple(_left(text) for text in locked.host),
        sources=tuple(SourceRecord(**msgspec.structs.asdict(one)) for one in locked.sources),
        environment=tuple(sorted(locked.environment.items())),
        manifest_sha256=locked.manifest_sha256,
        cards=tuple(CardVariable(**msgspec.structs.asdict(one)) for one in locked.cards),
        gpus=locked.gpus,
    )


def _planned(one: LockedFile, cache: Cache | None) -> PlannedPackage:
    digest = Digest.sha256(one.sha256)
    package = Package(one.name, one.version, "", one.file, one.size, digest, one.installed_size, "")
    cached = cache is not None and cache.find(digest, one.size) is not None
    because = "carried by the lock" if one.place == BASE else ""
    return PlannedPackage(package, one.urls, one.place, PINNED, cached, because)


def _left(text: str) -> HostPackage:
    """From `libc6 2.36-9`, as receipts write it."""
    name, _, version = text.partition(" ")
    return HostPackage(Package(name, version, "", "", 0, Digest.sha256("0" * 64), 0, ""), _LEFT)


def _locked(one: InstalledPackage, snapshots: dict[str, str]) -> LockedFile:
    there = [shown(one.url)] if one.url.startswith(("http://", "https://")) else []
    if one.sha256 in snapshots:
        there.append(snapshots[one.sha256])
    return LockedFile(
        name=one.name,
        version=one.version,
        file=one.filename,
        size=one.size,
        sha256=one.sha256,
        urls=tuple(dict.fromkeys(there)),
        place=one.place,
        installed_size=one.installed_size,
    )


def _source(one: SourceRecord) -> LockedIndex:
    return LockedIndex(
        url=one.url, suite=one.suite, date=one.date, fingerprint=one.fingerprint, sha256=one.sha256, kind=one.kind
    )


def _snapshots(tested: Lock | None) -> dict[str, str]:
    """By the hash of a package, where its tested lock says that it stays."""
    if tested is None:
        return {}
    found = ((one, tested.sources[int(one.source)].snapshot) for one in tested.packages)
    return {one.sha256: f"{place}/{quote(one.filename, safe='/+~')}" for one, place in found if place}


def _wheel(one: InstalledPackage) -> LockedWheel:
    if one.url.startswith("file:"):
        raise Refused(f"`{one.filename}` came from a folder of this machine, `{one.url}`: no other machine has it")
    return LockedWheel(
        name=one.name, version=one.version, file=one.filename, url=shown(one.url), size=one.size, sha256=one.sha256
    )
