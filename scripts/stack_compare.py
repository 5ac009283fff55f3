"""Say what a live repository has that our manifest says otherwise: `scripts/manifests --compare NAME [URL]`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.model.source import SET_NAMES, Source
from rocmswitch.model.stack import Rocm
from rocmswitch.store.catalog import Catalog, shipped_manifests

VERSIONS = ("version", "hip", "rocblas", "miopen")


def compare(name: str, url: str = "") -> int:
    """Print each difference; 1 where there is one."""
    ours = Catalog(shipped_manifests()).read(name).stack.rocm
    words = ["manifest", "new", "--from-repository", url or _main(ours).url, "--from", name, "-o", "-"]
    done = subprocess.run([sys.executable, "-m", "rocmswitch", *words], capture_output=True, text=True, check=False)
    print(done.stderr, end="", file=sys.stderr)
    if done.returncode:
        return done.returncode
    found = list(differences(ours, parse_manifest(done.stdout.encode(), "the new manifest").rocm))
    for line in found:
        print(line)
    return 1 if found else 0


def differences(ours: Rocm, theirs: Rocm) -> Iterator[str]:
    """In the keys that a repository can say something about; *theirs* has what it says."""
    for key in VERSIONS:
        here, there = getattr(ours, key), getattr(theirs, key)
        if there and here != there:
            yield f"rocm.{key}: `{here}` here, `{there}` there"
    for key in ("sets", "rpm_sets"):
        all_here, all_there = getattr(ours, key), getattr(theirs, key)
        for name in SET_NAMES if all_there else ():
            here, there = getattr(all_here, name, ()), getattr(all_there, name)
            if set(here) != set(there):
                yield f"rocm.{key}.{name}: {_listed(here)} here, {_listed(there)} there"
    here, there = _main(ours).suites, theirs.sources[0].suites
    missing = sorted({*here.values()} - {*there.values()})
    if missing and theirs.sources[0].kind == "apt":
        yield f"rocm.sources[0].suite: {_listed(missing)} is not there"


def _main(rocm: Rocm) -> Source:
    """The first repository of packages."""
    return next(one for one in rocm.sources if one.kind in ("apt", "rpm"))


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{one}`" for one in names) or "nothing"
