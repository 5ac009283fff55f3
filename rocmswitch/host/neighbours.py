"""What lies around a library that is to be replaced: those beside it, and what this machine's loader has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rocmswitch.host.facts import glibc_at, read_glibc
from rocmswitch.host.libraries import MACHINES, HostLibraries
from rocmswitch.host.maps import loader_cache, loader_files
from rocmswitch.model.deployment import Site
from rocmswitch.planning.activation import CARRIED_LIBRARIES
from rocmswitch.planning.loader import Files, Search
from rocmswitch.planning.placing import Ground, Neighbour, Placing, is_library, looks_like_library

_BUNDLES = ("torch/lib", "torch", "_rocm_sdk_*/lib")
"""Below a folder of packages: where the libraries of wheels lie that are loaded into one process."""


def survey(site: Site, placings: Sequence[Placing], prefix: str = "") -> Ground:
    """What *placings* must fit to. *prefix* is the tree that the environment is bound to. Runs ldconfig once.

    Of neighbours only headers are read: those in the folders that something goes to, and in those of frameworks.
    Where a tree carries its own C library, that is the one to fit: all that loads the tree's libraries starts so.
    """
    host, files = HostLibraries(), loader_files()
    roots = tuple(filter(None, (site.place.resolved, *site.packages, os.path.realpath(prefix) if prefix else "")))
    carried = tuple(one for root in roots if (one := Path(root, CARRIED_LIBRARIES, "libc.so.6")).is_file())
    return Ground(
        machine=MACHINES.get(os.uname().machine, ""),
        glibc=glibc_at(carried[0]) if carried else read_glibc(host),
        files=files,
        search=Search(
            cache=loader_cache(), folders=(*(str(one.parent) for one in carried), *map(str, host.folders))
        ),
        neighbours=tuple(_neighbours(_folders(site, placings), files)),
        roots=roots,
        python=os.path.realpath(site.python) if site.python else "",
    )


def _folders(site: Site, placings: Sequence[Placing]) -> list[Path]:
    beside = [Path(one.target.whole).parent for one in placings]
    roots = {one.target.root for one in placings} & {*site.packages} or {*site.packages}
    bundles = [
        folder for root in sorted(roots) for pattern in _BUNDLES for folder in sorted(Path(root).glob(pattern))
    ]
    return list(dict.fromkeys(one for one in (*beside, *bundles) if one.is_dir()))


def _neighbours(folders: Iterable[Path], files: Files) -> Iterator[Neighbour]:
    names: dict[str, set[str]] = {}
    for folder in folders:
        for name in sorted(os.listdir(folder)):  # noqa: PTH208
            real = files.real(f"{folder}/{name}") if looks_like_library(name) else ""
            if real:
                names.setdefault(real, {Path(real).name}).add(name)
    for real, found in names.items():
        facts = files.facts(real)
        if facts and is_library(facts):
            yield Neighbour(real, frozenset((*found, *filter(None, [facts.soname]))), facts)
