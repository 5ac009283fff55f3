"""Write the tested lock of a stack from its signed index, by the same code that installs it."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import msgspec

from rocmswitch.errors import NetworkFailed, NotFound, RocmswitchError
from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.repository import Repositories
from rocmswitch.host.apt import host_mirror
from rocmswitch.host.facts import read_host
from rocmswitch.metadata.lock import Lock, LockedPackage, LockedSource, parse_lock, render_lock
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.model.package import PINNED, Artifact, Digest
from rocmswitch.model.receipt import SourceRecord
from rocmswitch.model.source import Source
from rocmswitch.planning.locked import kernels_of, make_lock
from rocmswitch.store.cache import Cache
from rocmswitch.store.gpufiles import kernel_bytes
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk

MANIFESTS = Path(__file__).resolve().parent.parent / "manifests"
SNAPSHOTS = "https://snapshot.debian.org/archive"
LAYOUT = Layout.under(MANIFESTS.parent / ".home" / "lock")
PUBLISHED_AFTER = timedelta(days=1)
"""A Release file is dated when it is made; mirrors and the snapshot service have it some hours later."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", default="debian-5.2.3")
    parser.add_argument("--mirror", help="instead of the one that this machine's apt uses")
    parser.add_argument("--allow-expired", action="store_true", help="accept an index whose Valid-Until has passed")
    parser.add_argument("--kernels", action="store_true", help="keep the lock, and look into packages of it alone")
    arguments = parser.parse_args()
    path, mirror = MANIFESTS / f"{arguments.stack}.lock", arguments.mirror or mirror_here()
    before = parse_lock(path.read_bytes(), path.name) if path.exists() else None
    try:
        if arguments.kernels and before is not None:
            lock = before
        else:
            lock = locked(arguments.stack, arguments.mirror, allow_expired=arguments.allow_expired)
        text = render_lock(with_kernels(lock, before, mirror))
    except RocmswitchError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return error.exit_code
    path.write_bytes(text)
    print(f"{path.relative_to(MANIFESTS.parent)}: {len(text):,} bytes")
    return 0


def mirror_here() -> str:
    return host_mirror(Path("/"), "debian", read_host()) or ""


def locked(name: str, mirror: str | None, *, allow_expired: bool) -> Lock:
    file = MANIFESTS / f"{name}.yaml"
    stack = parse_manifest(file.read_bytes(), str(file))
    host = read_host()
    found = mirror_here()
    now = datetime.now(timezone.utc)
    repositories = Repositories(Http(), LAYOUT, Disk(), now, host_mirrors={"debian": found} if found else {})
    opened = repositories.open(stack.rocm.sources, host, mirror=mirror, allow_expired=allow_expired)
    sources = zip(stack.rocm.sources, opened.records, strict=True)
    return make_lock(stack, opened.indexes, tuple(locked_source(*one, now) for one in sources))


def with_kernels(lock: Lock, before: Lock | None, mirror: str) -> Lock:
    """*lock* with the bytes for single cards in each package: as *before* has them, else as the package is.

    What no server has any more stays as it is: nobody has looked.
    """
    known = kernels_of(before)
    missing = [one for one in lock.packages if one.sha256 not in known]
    downloads = Downloads(Http(), Cache(LAYOUT.archives, LAYOUT.partial, Disk()), jobs=0)
    for package in missing:
        try:
            for _, path in downloads.fetch([artifact(package, lock, mirror)], Silent()):
                known[package.sha256] = kernel_bytes(path)
        except (NotFound, NetworkFailed) as error:
            print(f"nobody has looked into {package.name}: {error.message}", file=sys.stderr)
    packages = (msgspec.structs.replace(one, kernels=known.get(one.sha256)) for one in lock.packages)
    return msgspec.structs.replace(lock, packages=tuple(packages))


def artifact(package: LockedPackage, lock: Lock, mirror: str) -> Artifact:
    places = (mirror, lock.sources[int(package.source)].snapshot)
    urls = tuple(f"{one}/{quote(package.filename, safe='/+~')}" for one in places if one)
    digest = Digest.sha256(package.sha256)
    return Artifact(package.name, package.version, package.filename, urls, package.size, digest, PINNED)


def locked_source(source: Source, record: SourceRecord, now: datetime) -> LockedSource:
    published = datetime.fromisoformat(record.date.replace("Z", "+00:00")) + PUBLISHED_AFTER
    day = min(published, now).strftime("%Y%m%dT%H%M%SZ")
    return LockedSource(
        suite=record.suite,
        date=record.date,
        fingerprint=record.fingerprint,
        sha256=record.sha256,
        url=source.url,
        snapshot=f"{SNAPSHOTS}/{source.archive}/{day}" if source.archive else "",
    )


if __name__ == "__main__":
    sys.exit(main())
