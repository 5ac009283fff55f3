"""A stack in one archive: what it is on the server, and what its hash turns out to be.

Where the manifest has no hash, the first download over https decides, and the scope's records require it from then
on.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from rocmswitch.errors import Failed, UsageMistake, VerificationFailed
from rocmswitch.fetch.download import Downloads, Progress
from rocmswitch.fetch.http import shown
from rocmswitch.fetch.keyring import Reader
from rocmswitch.fetch.place import tarball_url
from rocmswitch.fetch.transfer import OtherHash, OtherSize
from rocmswitch.model.package import FIRST_USE, PINNED, Digest, Package, Unhashed, address_as_digest
from rocmswitch.model.receipt import Receipt, SourceRecord
from rocmswitch.model.source import Source
from rocmswitch.model.stack import Stack
from rocmswitch.planning.closure import Closure
from rocmswitch.planning.install import Offer
from rocmswitch.planning.installplan import InstallPlan, PlannedPackage
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
    accepted: Digest | None = None
    """What the user says that the tarball is now, whatever it was at its first use."""


def offer_tarball(stack: Stack, mirror: str | None, server: Reader, shelf: Shelf) -> Offer:
    """The one package that *stack*, narrowed to its tarball, is made of. A cached one asks no server.

    Raises VerificationFailed where nothing says, or can say, what it must be; UsageMistake where the user says
    something else than the manifest; Failed where its server does not say how large it is; NotFound and
    NetworkFailed.
    """
    source = stack.rocm.sources[0]
    url = tarball_url(source, mirror)
    _check_accepted(stack, shelf.accepted)
    past = _past(source, url, shelf)
    digest = shelf.accepted or _known(source, url, shelf.seen)
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
        notes=_notes(source, digest, past),
        unhashed=digest is None,
        accepted=tuple(past),
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
def first_used(plan: InstallPlan, seen: FirstUse, bundle: str = "") -> Iterator[None]:
    """What *plan* had no hash for is required from now on only if the block can use it; what the user accepts, too.

    A proxy may have answered with a page of its own: the archive itself must not be refused for that ever after.
    *bundle* is the one that everything comes from, empty for servers.
    """
    stated = bool(plan.accepted)  # then it is not the first use that says what it has to be
    try:
        with explained({shown(one.urls[0]): plan.name for one in _of_first_use(plan) if not stated}, bundle):
            yield
    except OtherSize as error:
        if not (plan.nonce and _of_first_use(plan)):
            raise
        raise VerificationFailed(
            f"what `{plan.name}` was made of is no longer there: {error.message.partition(':')[0]}",
            hint=f"run `rocmswitch remove {plan.name}`, then `rocmswitch install {plan.name}`",
        ) from error
    except VerificationFailed:
        for one in plan.packages:
            if one.unhashed:
                seen.forget(one.urls[0])
        raise
    for url in plan.accepted:
        seen.accept(url, plan.packages[0].package.digest)


def accept_installed(stack: Stack, receipt: Receipt, digest: Digest, seen: FirstUse) -> None:
    """Require *digest* of the tarball that the tree of *receipt* was made of, where *seen* has another one of it.

    A run that was killed after the tree was there, or another user's, has left this user's record as it was.
    """
    stated = [one.url for one in stack.rocm.sources if one.kind == "tarball"]
    used = [one.url for one in receipt.sources if one.kind == "tarball"]
    for url in dict.fromkeys((*stated, *used)):
        if seen.known(url) not in (None, digest):
            seen.accept(url, digest)


@contextlib.contextmanager
def explained(stacks: Mapping[str, str], bundle: str = "") -> Iterator[None]:
    """Where a file is not what it was at its first use, say how to go on. *stacks* are by addresses of tarballs.

    Raises VerificationFailed.
    """
    try:
        yield
    except OtherHash as error:
        if error.url not in stacks:
            raise
        again = f"{stacks[error.url]} --from {shlex.quote(bundle)}" if bundle else stacks[error.url]
        raise VerificationFailed(
            f"`{error.url}` had the hash `{error.wanted.value}` when it was first used, and has `{error.found}`"
            " now: its vendor has replaced it, or somebody else has",
            hint=f"if its vendor states the new one, run `rocmswitch install {again} --accept {error.found}`",
        ) from error


def _of_first_use(plan: InstallPlan) -> list[PlannedPackage]:
    return [one for one in plan.packages if one.verification == FIRST_USE]


def _check_accepted(stack: Stack, accepted: Digest | None) -> None:
    pinned = stack.rocm.sources[0].digest
    if pinned and accepted and accepted != Digest.sha256(pinned):
        raise UsageMistake(f"the manifest of `{stack.name}` pins the hash `{pinned}`: no other can be accepted")


def _past(source: Source, url: str, shelf: Shelf) -> dict[str, Digest]:
    """By address the hashes of first uses that the accepted one takes the place of."""
    if source.digest or shelf.accepted is None:
        return {}
    known = {one: shelf.seen.known(one) for one in (source.url, url)}
    past = {one: digest for one, digest in known.items() if digest not in (None, shelf.accepted)}
    return {one: digest for one, digest in past.items() if digest is not None} or {url: shelf.accepted}


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


def _notes(source: Source, digest: Digest | None, past: Mapping[str, Digest]) -> tuple[str, ...]:
    about = f"how large it becomes is not known before: at least {UNPACKED} times the download is kept free"
    if source.digest:
        return (about,)
    if digest is None:
        return ("nobody has stated its hash: it is taken as it arrives, and required from then on", about)
    if not past:
        return ("its hash is that of its first use", about)
    before = [one.value for one in dict.fromkeys(past.values()) if one != digest]
    instead = f", in the place of `{before[0]}` at its first use" if before else ""
    return (f"its hash `{digest.value}` was accepted by `--accept`{instead}", about)


def _unhashed(planned: PlannedPackage) -> Unhashed:
    package = planned.package
    return Unhashed(package.name, package.version, package.filename, planned.urls[0], package.size)


def _with_hash(planned: PlannedPackage, found: dict[str, Digest]) -> PlannedPackage:
    if not planned.unhashed:
        return planned
    digest = found[planned.urls[0]]
    return replace(planned, package=replace(planned.package, digest=digest), cached=True, unhashed=False)
