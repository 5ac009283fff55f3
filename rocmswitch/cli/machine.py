"""What commands are made of: each part built from the one layout, only where a command needs it."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rocmswitch.cli import output

if TYPE_CHECKING:
    from rocmswitch.cli.main import Scopes
    from rocmswitch.deploy.ledger import Ledger
    from rocmswitch.fetch.http import Http
    from rocmswitch.fetch.repository import Repositories
    from rocmswitch.metadata.config import Config
    from rocmswitch.metadata.lock import Lock
    from rocmswitch.operations.building import Workshop
    from rocmswitch.operations.environment import Nursery
    from rocmswitch.operations.matching import Supply
    from rocmswitch.operations.resolving import Surroundings
    from rocmswitch.operations.timing import Stages
    from rocmswitch.operations.unbundling import Supplies
    from rocmswitch.store.cache import Cache
    from rocmswitch.store.catalog import Catalog
    from rocmswitch.store.firstuse import FirstUse
    from rocmswitch.store.layout import Layout
    from rocmswitch.store.snapshots import Snapshots
    from rocmswitch.store.trees import Trees
    from rocmswitch.store.virtualenv import Uv
    from rocmswitch.system.disk import Disk


def disk() -> Disk:
    """The machine's disk. Imported late: `list` needs none."""
    from rocmswitch.system.disk import Disk

    return Disk()


def catalog(scopes: Scopes) -> Catalog:
    from rocmswitch.store.catalog import Catalog, shipped_manifests

    brought = () if scopes.supplies is None else (scopes.supplies.manifests,)
    return Catalog(shipped_manifests(), (*(layout.manifests for layout in scopes.searched), *brought))


def prefixes(layout: Layout) -> Trees:
    from rocmswitch.store.trees import Trees

    return Trees(layout.prefixes, layout.locks, disk(), _kept_in(layout))


def venvs(layout: Layout) -> Trees:
    from rocmswitch.store.trees import Trees

    return Trees(layout.venvs, layout.locks, disk(), _kept_in(layout))


def _kept_in(layout: Layout) -> Callable[[], Collection[str] | None]:
    """Asks which trees the scope's recorded changes can bring back."""

    def kept() -> Collection[str] | None:
        from rocmswitch.deploy.ledger import Ledger
        from rocmswitch.operations.keeping import kept_trees

        return kept_trees(Ledger(layout, disk()))

    return kept


def ledger(scopes: Scopes) -> Ledger:
    """The recorded changes of the own scope."""
    from rocmswitch.deploy.ledger import Ledger

    return Ledger(scopes.own, disk())


def driver_ledger(root: Path) -> Ledger:
    """The recorded changes of the kernel modules and settings of the system at *root*."""
    from rocmswitch.deploy.ledger import Ledger
    from rocmswitch.store.layout import Layout

    base = root.resolve()
    return Ledger(Layout.driver(base), disk(), base=base)


def driver_snapshots(root: Path) -> Snapshots:
    """The snapshots of the kernel modules of the system at *root*."""
    from rocmswitch.store.layout import Layout
    from rocmswitch.store.snapshots import Snapshots

    base = root.resolve()
    return Snapshots(Layout.driver(base), disk(), base)


def cache(layout: Layout) -> Cache:
    from rocmswitch.store.cache import Cache

    return Cache(layout.archives, layout.partial, disk())


@contextlib.contextmanager
def scratch(layout: Layout) -> Iterator[Path]:
    """A folder that is gone afterwards, in the cache; elsewhere for who may not write there and only looks."""
    from rocmswitch.store.private import may_write
    from rocmswitch.store.scratch import scratch
    from rocmswitch.system.temporary import temporary_folder

    if may_write(layout.scratch):
        with scratch(layout.scratch, disk()) as own:
            yield own
    else:
        with temporary_folder() as own:
            yield own


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def surroundings(layout: Layout, supplies: Supplies | None = None) -> Surroundings:
    """What this machine is and has."""
    from rocmswitch.host.facts import read_host
    from rocmswitch.host.libraries import HostLibraries
    from rocmswitch.operations.resolving import Surroundings

    known = mirrors(layout) if supplies is None else supplies.bundle.archives
    keys = config(layout).fingerprints
    return Surroundings(read_host(), HostLibraries(), cache(layout), known, seen_tarballs(layout), keys)


def seen_tarballs(layout: Layout) -> FirstUse:
    """The hashes that tarballs had when they were first used, those of other scopes too."""
    from rocmswitch.store.firstuse import FirstUse
    from rocmswitch.store.layout import readable

    others = tuple(one.seen / "tarballs" for one in readable(os.environ) if one != layout)
    return FirstUse(layout.seen / "tarballs", disk(), others)


def repositories(layout: Layout, supplies: Supplies | None = None) -> Repositories:
    from datetime import datetime, timezone

    from rocmswitch.fetch.http import Http
    from rocmswitch.fetch.repository import Repositories

    now = datetime.now(timezone.utc)
    if supplies is not None:
        return supplies.repositories(layout, disk(), now, mirrors(layout))
    return Repositories(Http(), layout, disk(), now, host_mirrors=mirrors(layout))


def http(supplies: Supplies | None) -> Http:
    """What fetches: from servers, or from a bundle alone."""
    from rocmswitch.fetch.http import Http

    return Http() if supplies is None else supplies.http


def mirror(scopes: Scopes, asked: str | None) -> str | None:
    """Where archives are taken from by choice: the user's, or that of whoever made the bundle."""
    if scopes.supplies is None:
        return asked
    if asked:
        from rocmswitch.errors import UsageMistake

        raise UsageMistake("`--mirror` means nothing with a bundle, which asks no server")
    return scopes.supplies.bundle.mirror or None


def mirrors(layout: Layout) -> dict[str, str]:
    """By archive, the mirror to use: the one in the user's config.yaml, else that of this machine's own apt."""
    from rocmswitch.host.apt import host_mirror
    from rocmswitch.host.facts import read_host

    own = host_mirror(Path("/"), "debian", read_host())
    return {**({"debian": own} if own else {}), **config(layout).mirrors}


def config(layout: Layout) -> Config:
    """What the user has decided once for all."""
    from rocmswitch.metadata.config import parse_config

    file = layout.config_file
    return parse_config(file.read_bytes() if file.is_file() else b"", str(file))


def workshop(scopes: Scopes) -> Workshop:
    """What makes a prefix of the own scope."""
    from rocmswitch.cli.system_option import check_home
    from rocmswitch.fetch.download import Downloads
    from rocmswitch.host.facts import read_host
    from rocmswitch.host.libraries import HostLibraries
    from rocmswitch.operations.building import WAIT, Workshop
    from rocmswitch.store.installed import Installed
    from rocmswitch.store.relocate import Machine

    check_home(scopes)
    layout, wait = scopes.own, scopes.wait(WAIT)
    there = Machine(HostLibraries(), read_host().glibc, jobs=processors())
    downloads = Downloads(http(scopes.supplies), cache(layout), wait=scopes.wait(math.inf))
    installed, seen = Installed(scopes.searched), seen_tarballs(layout)
    bundle = "" if scopes.supplies is None else str(scopes.supplies.file.path)
    return Workshop(downloads, prefixes(layout), disk(), there, installed, seen, wait, bundle)


def uv(layout: Layout, supplies: Supplies | None = None) -> Uv:
    """uv, with what it unpacks on the file system of the environments: they are links to it."""
    from rocmswitch.store.virtualenv import Uv

    python = None if supplies is None else supplies.python
    return Uv(layout.uv, disk(), layout.pythons, python=python)


def nursery(scopes: Scopes) -> Nursery:
    """What makes an environment of the own scope."""
    from rocmswitch.fetch.download import Downloads
    from rocmswitch.operations.building import WAIT
    from rocmswitch.operations.environment import Nursery

    layout, wait = scopes.own, scopes.wait(WAIT)
    goods = supply(scopes)
    downloads = Downloads(goods.http, cache(layout), wait=scopes.wait(math.inf))
    pythons = uv(layout, scopes.supplies)
    return Nursery(downloads, venvs(layout), disk(), pythons, goods, ledger(scopes), wait)


def supply(scopes: Scopes) -> Supply:
    """Where wheels come from, by the configuration of this user's pip and uv."""
    from rocmswitch.cli.system_option import check_home
    from rocmswitch.fetch.http import Http
    from rocmswitch.host.pip import read_indexes
    from rocmswitch.model.package import Digest
    from rocmswitch.operations.matching import Supply
    from rocmswitch.store.firstuse import FirstUse
    from rocmswitch.store.resolution import Resolver

    check_home(scopes)
    layout, supplies = scopes.own, scopes.supplies
    indexes = read_indexes(os.environ) if supplies is None else supplies.indexes
    resolver = Resolver(layout.uv, disk(), indexes)
    own, *others = (one.seen / "wheels" for one in scopes.searched)
    accepted = frozenset(map(Digest.sha256, scopes.accepted))
    first_use = FirstUse(own, disk(), tuple(others), accepted=accepted)
    return Supply(
        Http(certificates=indexes.certificates) if supplies is None else supplies.http,
        cache(layout),
        indexes,
        resolver,
        first_use,
        layout.resolutions,
        disk(),
        bundled=supplies is not None,
    )


def lock(scopes: Scopes, name: str) -> Lock | None:
    """The tested lock of the stack *name*, if there is one."""
    from rocmswitch.metadata.lock import parse_lock

    content = catalog(scopes).lock(name)
    return None if content is None else parse_lock(content, f"{name}.lock")


def report_timings(stages: Stages) -> None:
    """Seconds by stage, as one line of JSON on stderr, where ROCMSWITCH_TIMINGS asks for it."""
    if os.environ.get("ROCMSWITCH_TIMINGS"):
        output.say(json.dumps({name: round(seconds, 4) for name, seconds in stages.seconds.items()}))
