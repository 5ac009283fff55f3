"""Bundles: everything that machines without a network need for some stacks, gathered into one file.

Planned as an installation is, from the signed indexes of the day, with every answer kept as it came. Of a
repository's closure all packages go in, also those that this machine would not need, unless that is said: another
machine may lack them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.fetch.download import Downloads, Progress
from rocmswitch.fetch.http import shown
from rocmswitch.fetch.keyring import MAX_KEY
from rocmswitch.fetch.repository import Repositories
from rocmswitch.metadata.bundle import Bundle
from rocmswitch.model.package import FIRST_USE, Artifact, Digest, Unhashed
from rocmswitch.operations.building import artifacts
from rocmswitch.operations.bundleorder import Order, Tree
from rocmswitch.operations.firstuses import record, told
from rocmswitch.operations.matching import Supply
from rocmswitch.operations.packing import Answers, pack
from rocmswitch.operations.resolving import Surroundings, Wish, offer_prefix, origin_of, plan_prefix
from rocmswitch.operations.tarball import explained
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.sets import selected_sets
from rocmswitch.planning.wheels import check_accepted
from rocmswitch.store.bundle import bundle_size, write_bundle
from rocmswitch.store.cache import hash_of
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.firstuse import FirstUse
from rocmswitch.store.pythons import fetch_archive
from rocmswitch.store.virtualenv import Uv
from rocmswitch.system.disk import Disk
from rocmswitch.system.reading import open_regular


def gather_tree(
    manifest: Manifest, wish: Wish, repositories: Repositories, around: Surroundings, *, complete: bool
) -> Tree:
    """The packages of *manifest*'s sets: all that an empty machine needs, or what this one lacks.

    Raises as planning an installation does.
    """
    source, stages = origin_of(manifest.stack, wish, around).kind, Stages()
    sets = selected_sets(manifest.stack, wish.sets)
    offer, _ = offer_prefix(manifest, wish, repositories, around, stages)
    names = tuple(one.name for one in offer.closure.packages)
    if not complete and not offer.unhashed:
        plan = plan_prefix(manifest, wish, repositories, around, stages)
        return Tree(manifest.stack.name, source, sets, tuple(one for one, _ in artifacts(plan)), names, plan.notes)
    if offer.unhashed:
        unhashed = (
            Unhashed(one.name, one.version, one.filename, offer.urls(one)[0], one.size)
            for one in offer.closure.packages
        )
        return Tree(manifest.stack.name, source, sets, (), names, offer.notes, tuple(unhashed))
    found = (
        Artifact(
            *(one.name, one.version, one.filename, offer.urls(one), one.size, one.digest, offer.verification),
            signers=offer.signers(one),
            architecture=one.architecture,
        )
        for one in offer.closure.packages
        if one.filename  # what no index has, the machine provably has
    )
    return Tree(manifest.stack.name, source, sets, tuple(found), names, offer.notes)


@dataclass(frozen=True)
class Workbench:
    """What bundles are made with. `downloads` fetches into the cache of *supply*."""

    downloads: Downloads
    supply: Supply
    uv: Uv
    disk: Disk
    tarballs: FirstUse
    """The hashes that tarballs had when they were first used: those that installing goes by."""
    scratch: Path
    """A folder for what uv unpacks meanwhile, gone with this process."""
    check_room: Callable[[int], None]
    """Asked before a bundle of so many bytes is written. Raises MachineLacks."""


def _fetch(order: Order, bench: Workbench, progress: Progress) -> tuple[Order, Mapping[Digest, Path]]:
    """Everything large in the cache: *order* with all hashes known, and where each archive is.

    Raises VerificationFailed, NetworkFailed, NotFound and MachineLacks.
    """
    supply = bench.supply

    def learned(wanted: Iterable[Unhashed], seen: FirstUse) -> Iterator[Artifact]:
        asked = [replace(one, url=supply.indexes.authorized(one.url)) for one in wanted]
        yield from bench.downloads.learn(asked, seen, progress) if asked else ()

    order = replace(
        order,
        trees=tuple(one.with_learned(learned(one.unhashed, bench.tarballs)) for one in order.trees),
        venvs=tuple(one.with_learned(learned(one.unhashed, supply.first_use)) for one in order.venvs),
    )
    authorized = (
        replace(one, urls=tuple(supply.indexes.authorized(url) for url in one.urls)) for one in order.wheels
    )
    check_accepted(order.venvs, supply.first_use.accepted)
    with (
        explained({shown(one.urls[0]): tree.stack for tree in order.trees for one in _first_used(tree)}),
        told(order.wheels, supply.first_use, bundled=supply.bundled),
    ):
        fetched = dict(bench.downloads.fetch([*order.packages, *authorized], progress))
    for venv in order.venvs:
        record(venv, (one for one in venv.wheels if one.digest in supply.first_use.accepted), supply.first_use)
    return order, {one.digest: path for one, path in fetched.items()}


def _first_used(tree: Tree) -> Iterator[Artifact]:
    return (one for one in tree.packages if one.verification == FIRST_USE)


def keyrings(manifests: Iterable[Manifest]) -> dict[str, bytes]:
    """This machine's own copies of the keys that *manifests* pin: other machines may lack them."""
    sources = (source for one in manifests for source in one.stack.rocm.sources)
    paths = {source.key.keyring for source in sources if source.key is not None and source.key.keyring}
    found = {path: _read(Path(path)) for path in sorted(paths)}
    return {path: content for path, content in found.items() if content}


def execute(order: Order, answers: Answers, bench: Workbench, path: Path, progress: Progress) -> Bundle:
    """Fetch what is missing and write the bundle to *path*, whole or not at all."""
    order, fetched = _fetch(order, bench, progress)
    pythons = [_python(key, bench) for key in order.pythons]
    bundle, sources = pack(order, answers, fetched, pythons)
    bench.check_room(bundle_size(bundle))
    write_bundle(path, bundle, sources, bench.disk)
    return bundle


def _python(key: str, bench: Workbench) -> tuple[str, str, Path]:
    """A Python in the cache: uv's key, what uv calls its archive, its place."""
    archive = fetch_archive(key, bench.uv, bench.scratch / key)
    return key, archive.name, bench.supply.cache.add(archive, Digest.sha256(hash_of(archive, "sha256")))


def _read(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(MAX_KEY)
    except OSError:
        return b""  # as where it is looked for to verify: there are other copies
