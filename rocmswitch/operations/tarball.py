"""A stack in one archive: what it is on the server, and what its hash turns out to be.

Where the manifest has no hash, the first download over https decides, and the scope's records require it from then
on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from rocmswitch.errors import Failed, VerificationFailed
from rocmswitch.fetch.download import Downloads, Progress
from rocmswitch.fetch.http import shown
from rocmswitch.fetch.keyring import Reader
from rocmswitch.fetch.place import tarball_url
from rocmswitch.model.package import FIRST_USE, PINNED, Digest, Package, Unhashed, address_as_digest
from rocmswitch.model.receipt import SourceRecord
from rocmswitch.model.source import Source
from rocmswitch.model.stack import Stack
from rocmswitch.planning.closure import Closure
from rocmswitch.planning.install import InstallPlan, Offer, PlannedPackage
from rocmswitch.store.cache import Cache
from rocmswitch.store.firstuse import FirstUse

UNPACKED = 4
"""Bytes on the disk for each byte of a tarball, of which nothing states how large it becomes: what gzip makes of
ROCm's libraries."""


@dataclass(frozen=True)
class Shelf:
    """What is known here of tarballs: their hashes, and those that have been fetched."""

    seen: FirstUse
    cache: Cache


def offer_tarball(stack: Stack, mirror: str | None, server: Reader, shelf: Shelf) -> Offer:
    """The one package that *stack*, narrowed to its tarball, is made of. A cached one asks no server.

    Raises VerificationFailed where nothing says, or can say, what it must be; Failed where its server does not say
    how large it is; NotFound and NetworkFailed.
    """
    source = stack.rocm.sources[0]
    url = tarball_url(source, mirror)
    digest = _known(source, url, shelf.seen)
    size = shelf.cache.size_of(digest) if digest else None
    if size is None:
        size = server.length(url)
    if size is None:
        raise Failed(f"`{shown(url)}` cannot be fetched: its server does not say how many bytes it has")
    package = Package(
        name=stack.name,
        version=stack.rocm.version,
        architecture="",
        filename=unquote(urlsplit(url).path.rpartition("/")[2]),
        size=size,
        digest=digest or address_as_digest(url),
        installed_size=UNPACKED * size,
        source="0",
    )
    return Offer(
        closure=Closure((package,), (package.name,), {package.name: ()}),
        urls=lambda _: (url,),
        sources=(SourceRecord(shown(url), "", "", "", digest.value if digest else "", kind="tarball"),),
        verification=PINNED if source.digest else FIRST_USE,
        notes=_notes(source, digest),
        unhashed=digest is None,
    )


def learned(plan: InstallPlan, downloads: Downloads, seen: FirstUse, progress: Progress) -> InstallPlan:
    """*plan* with the hash of what nobody has a hash of: fetched now, and recorded.

    Raises as fetching does.
    """
    unknown = [one for one in plan.packages if one.unhashed]
    if not unknown:
        return plan
    wanted = {_unhashed(one): one for one in unknown}
    found = {one.urls[0]: one.digest for one in downloads.learn(wanted, seen, progress)}
    return replace(
        plan,
        packages=tuple(_with_hash(one, found) for one in plan.packages),
        sources=tuple(replace(one, sha256=one.sha256 or found[one.url].value) for one in plan.sources),
    )


@contextlib.contextmanager
def first_used(plan: InstallPlan, seen: FirstUse) -> Iterator[None]:
    """What *plan* had no hash for is required from now on only if the block can use it.

    A proxy may have answered with a page of its own: the archive itself must not be refused for that ever after.
    """
    try:
        yield
    except VerificationFailed:
        for one in plan.packages:
            if one.unhashed:
                seen.forget(one.urls[0])
        raise


def _known(source: Source, url: str, seen: FirstUse) -> Digest | None:
    """What the manifest pins, else what the first use has shown: of the manifest's address, or of a mirror's."""
    if source.digest:
        return Digest.sha256(source.digest)
    found = seen.known(source.url) or seen.known(url)
    if found is None and not url.lower().startswith("https:"):
        raise VerificationFailed(
            f"`{shown(url)}` is not encrypted and its manifest has no hash of it, so nothing says what it must be"
        )
    return found


def _notes(source: Source, digest: Digest | None) -> tuple[str, ...]:
    about = f"how large it becomes is not known before: at least {UNPACKED} times the download is kept free"
    if source.digest:
        return (about,)
    if digest is None:
        return ("nobody has stated its hash: it is taken as it arrives, and required from then on", about)
    return ("its hash is that of its first use", about)


def _unhashed(planned: PlannedPackage) -> Unhashed:
    package = planned.package
    return Unhashed(package.name, package.version, package.filename, planned.urls[0], package.size)


def _with_hash(planned: PlannedPackage, found: dict[str, Digest]) -> PlannedPackage:
    if not planned.unhashed:
        return planned
    digest = found[planned.urls[0]]
    return replace(planned, package=replace(planned.package, digest=digest), cached=True, unhashed=False)
