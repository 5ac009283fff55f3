"""Real packages of Debian's archive, by the product's own way: signed index, hash, then the file.

folder = unpacked("libmiopen1", tmp_path)
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest

from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.repository import Repositories
from rocmswitch.host.apt import host_mirror
from rocmswitch.host.facts import read_host
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.model.package import Artifact
from rocmswitch.store.cache import Cache
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk

DEBIAN = Path(__file__).parents[2] / "manifests/debian-5.2.3.yaml"


def unpacked(package: str, folder: Path, *, suite: str = "sid", only: Sequence[str] = ()) -> Path:
    """The files of the newest *package* of *suite*, below *folder*: all, or those that the globs *only* name."""
    path, target = archive(package, folder, suite), folder / package
    if not only:
        subprocess.run(["dpkg-deb", "-x", str(path), str(target)], check=True)
        return target
    target.mkdir()
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(path)], stdout=subprocess.PIPE) as packed:
        taking = ["tar", "--extract", "--directory", str(target), "--wildcards", *only]
        subprocess.run(taking, stdin=packed.stdout, check=True)
    return target


def archive(package: str, folder: Path, suite: str) -> Path:
    """The .deb file, verified."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("no dpkg-deb here: install dpkg")
    (source,) = parse_manifest(DEBIAN.read_bytes(), DEBIAN.name).rocm.sources
    layout, own = Layout.under(folder / "archive"), host_mirror(Path("/"), "debian", read_host())
    mirrors = {"debian": own} if own else {}
    repositories = Repositories(Http(), layout, Disk(), datetime.now(timezone.utc), host_mirrors=mirrors)
    # A mirror that was frozen for reproducible builds has an index that was valid once.
    opened = repositories.open((msgspec.structs.replace(source, suite=suite),), read_host(), allow_expired=True)
    found = opened.indexes[0][0].candidates(package)
    if not found:
        pytest.skip(f"Debian's {suite} has no {package} today")
    one = found[-1]
    artifact = Artifact(
        one.name, one.version, Path(one.filename).name, opened.urls(one), one.size, one.digest, "signed"
    )
    ((_, path),) = Downloads(Http(), Cache(layout.archives, layout.partial, Disk())).fetch([artifact], Silent())
    return path
