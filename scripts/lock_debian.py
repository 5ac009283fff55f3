"""Write the tested lock of a stack from its signed index, by the same code that installs it."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rocmswitch.errors import RocmswitchError
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.repository import Repositories
from rocmswitch.host.apt import host_mirror
from rocmswitch.host.facts import read_host
from rocmswitch.metadata.lock import LockedSource, render_lock
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.model.receipt import SourceRecord
from rocmswitch.model.source import Source
from rocmswitch.planning.locked import make_lock
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk

MANIFESTS = Path(__file__).resolve().parent.parent / "manifests"
SNAPSHOTS = "https://snapshot.debian.org/archive"
PUBLISHED_AFTER = timedelta(days=1)
"""A Release file is dated when it is made; mirrors and the snapshot service have it some hours later."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", default="debian-5.2.3")
    parser.add_argument("--mirror", help="instead of the one that this machine's apt uses")
    parser.add_argument("--allow-expired", action="store_true", help="accept an index whose Valid-Until has passed")
    arguments = parser.parse_args()
    try:
        text = locked(arguments.stack, arguments.mirror, allow_expired=arguments.allow_expired)
    except RocmswitchError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return error.exit_code
    path = MANIFESTS / f"{arguments.stack}.lock"
    path.write_bytes(text)
    print(f"{path.relative_to(MANIFESTS.parent)}: {len(text):,} bytes")
    return 0


def locked(name: str, mirror: str | None, *, allow_expired: bool) -> bytes:
    file = MANIFESTS / f"{name}.yaml"
    stack = parse_manifest(file.read_bytes(), str(file))
    host = read_host()
    found = host_mirror(Path("/"), "debian", host)
    now = datetime.now(timezone.utc)
    layout = Layout.under(MANIFESTS.parent / ".home" / "lock")
    repositories = Repositories(Http(), layout, Disk(), now, host_mirrors={"debian": found} if found else {})
    opened = repositories.open(stack.rocm.sources, host, mirror=mirror, allow_expired=allow_expired)
    sources = zip(stack.rocm.sources, opened.records, strict=True)
    return render_lock(make_lock(stack, opened.indexes, tuple(locked_source(*one, now) for one in sources)))


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
