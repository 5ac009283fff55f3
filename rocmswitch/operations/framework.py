"""The PyTorch of an environment as `doctor` sees it: its files, and what they meet on this machine."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec
from packaging.version import Version

from rocmswitch.errors import NotFound, RocmswitchError
from rocmswitch.host.facts import read_glibc
from rocmswitch.host.framework import interpreter_of, read_framework, tag_of_folder
from rocmswitch.host.gpu import first_target
from rocmswitch.host.gpukernels import rocblas_of_tree
from rocmswitch.host.libraries import HostLibraries
from rocmswitch.host.maps import loader_cache, loader_files, read_elf
from rocmswitch.model.deployment import Site
from rocmswitch.model.framework import Framework, FrameworkLibrary, FrameworkSymptoms
from rocmswitch.model.gpucode import OVERRIDE, serves
from rocmswitch.model.stack import Pytorch, Stack
from rocmswitch.operations.entering import GPU, environment_inside
from rocmswitch.operations.examining import Surgery
from rocmswitch.operations.sites import find_site, site_of
from rocmswitch.planning.libraries import foresee, library_of
from rocmswitch.planning.loader import Search
from rocmswitch.planning.pytorch import better_stack
from rocmswitch.store.installed import Installation
from rocmswitch.store.private import may_write

_CPP = "libstdc++.so.6"
_ENTERED = ("VIRTUAL_ENV", "CONDA_PREFIX")
"""What environments set to their folder while a shell is in them; one inside the other is a venv in conda's."""
_KEPT = "files"
"""The folder of what was read of libraries: one file for each environment."""


def examine_installed(one: Installation, here: Surgery) -> FrameworkSymptoms | None:
    """The PyTorch of an environment of ours; None where it has none, or cannot be entered."""
    if one.receipt.kind != "venv":
        return None
    try:
        site = site_of(one)
        inside = environment_inside(one, here.environment, here.installed)
    except RocmswitchError:
        return None  # another row tells what it lacks
    return _examine(site, inside, here)


def examine_site(word: str, here: Surgery) -> FrameworkSymptoms:
    """The PyTorch of the environment that *word* means, whoever made it: as `deploy --into` takes it.

    A Python that lies in no environment is run once, to tell its folders; nothing else is. Raises NotFound where
    there is no such environment, or no PyTorch in it; Failed, Refused.
    """
    site = find_site(word, here.installed, here.environment)
    ours = here.installed.venv(site.place.name) if site.place.kind == "venv" else None
    inside = environment_inside(ours, here.environment, here.installed) if ours else here.environment
    found = _examine(site, inside, here)
    if found is None:
        raise NotFound(f"`{site.place.name}` has no PyTorch: there is no `torch` among its packages")
    return found


def examine_entered(here: Surgery) -> Iterator[FrameworkSymptoms]:
    """The PyTorch of the environment that this shell is in, where others made it and it has one. Raises nothing."""
    word = next((value for one in _ENTERED if (value := here.environment.get(one, ""))), "")
    if not word.startswith("/"):
        return
    with contextlib.suppress(RocmswitchError):
        site = find_site(word, here.installed, here.environment)
        found = _examine(site, here.environment, here) if site.place.kind == "foreign" else None
        if found:
            yield found


def _examine(site: Site, inside: Mapping[str, str], here: Surgery) -> FrameworkSymptoms | None:
    """*inside* is the environment of a program in it."""
    framework = _read(site, here)
    if framework is None:
        return None
    card = here.environment.get(GPU) or first_target(here.root)
    stacks = cache(lambda: tuple(one.stack for one in here.catalog.read_all()[0]))
    stack, build = _origin(site, framework.version, here, stacks)
    known = stack.gpus.get(card) if stack else None
    libraries = here.libraries
    found = FrameworkSymptoms(
        site.place.name,
        site.place.folder,
        framework,
        site.place.kind,
        stack=site.stack or (stack.name if stack else ""),
        python=interpreter_of(site),
        packages_for=tag_of_folder(Path(framework.folder).parent.parent.name),
        override=inside.get(OVERRIDE, ""),
        known_override=known.environment.get(OVERRIDE, "") if known else "",
        glibc=read_glibc(libraries),
        defined=_defined(site, libraries),
        glibc_min=build.glibc.min if build else "",
        glibc_max=build.glibc.max if build else "",
        loader=build.loader if build else "",
        shadows=tuple(_shadows(site, framework, inside)) if site.place.kind != "venv" else (),
    )
    return _with_ways_out(found, card, here, stacks)


def _read(site: Site, here: Surgery) -> Framework | None:
    """Libraries that were not changed since the last time are not opened again. Never fails for what it keeps."""
    name = hashlib.sha256(site.place.resolved.encode("utf-8", "surrogateescape")).hexdigest()[:24]
    path = here.own.checks / _KEPT / f"{name}.json"
    kept = {one.path: one for one in _kept(path)}
    found = read_framework(site.packages, kept)
    # In an account that has nothing of ours yet, looking leaves nothing behind either.
    is_new = found is not None and found.libraries != tuple(kept.values())
    if found is not None and is_new and here.own.data.is_dir() and may_write(path.parent):
        # A full disk, a name that is no text: a look is worth no error.
        with contextlib.suppress(OSError, UnicodeEncodeError):
            here.disk.make_directories(path.parent)
            here.disk.replace_file(path, msgspec.json.encode(found.libraries))
            _sweep(path.parent, here)
    return found


def _kept(path: Path) -> tuple[FrameworkLibrary, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[FrameworkLibrary, ...])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        # Garbled, or of another version of this program: as if there had been none.
        return ()


def _sweep(folder: Path, here: Surgery) -> None:
    """Forget the environments that are gone."""
    for path in folder.glob("*.json"):
        libraries = _kept(path)
        if not libraries or not Path(libraries[0].path).exists():
            here.disk.discard(path)


def _origin(
    site: Site, torch: str, here: Surgery, stacks: Callable[[], tuple[Stack, ...]]
) -> tuple[Stack | None, Pytorch | None]:
    """The stack whose wheel it is, and the build: the environment's own, else one that has this very torch."""
    if site.stack:
        own = next((here.catalog.read(name).stack for name in here.catalog.names() if name == site.stack), None)
        having: Sequence[Stack] = (own,) if own else ()
    elif "+rocm" in torch:
        # 6.2.4 has the builds for 6.2 too: its own ROCm is the one that a build is called after.
        having = sorted(stacks(), key=lambda one: one.name != f"rocm-{torch.partition('+rocm')[2]}")
    else:
        having = ()
    builds = ((stack, build) for stack in having for build in stack.pytorch if build.torch == torch)
    return next(builds, (having[0] if site.stack and having else None, None))


def _defined(site: Site, libraries: HostLibraries) -> tuple[str, ...]:
    """conda brings its own libstdc++, which comes first."""
    own = read_elf(f"{site.place.resolved}/lib/{_CPP}")
    found = own.defined_versions if own else libraries.defined_versions(_CPP)
    return tuple(one for one in found if one.startswith(("GLIBCXX_", "CXXABI_")))


def _shadows(site: Site, framework: Framework, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Files that would be loaded instead of those that it brings along, told from headers."""
    brought = {library_of(one.path) for one in framework.libraries} - {""}
    if not brought:
        return
    paths = tuple(one.path for one in framework.libraries)
    roots = (site.place.resolved, *site.packages)
    clashes = foresee(paths, roots, Search.of(environment, loader_cache()), loader_files())
    yield from ((one.path, one.why) for clash in clashes if clash.library in brought for one in clash.files)


def _with_ways_out(
    found: FrameworkSymptoms, card: str, here: Surgery, stacks: Callable[[], tuple[Stack, ...]]
) -> FrameworkSymptoms:
    """What remedies name. It is looked for only where one may be needed."""
    framework, runs_as = found.framework, found.runs_as(card)
    served = not framework.targets_are_known or serves(framework.targets, runs_as)
    lacks_blas = bool(framework.blas) and runs_as not in framework.blas
    if card and (not framework.is_for_rocm or not served or lacks_blas):
        found = replace(found, better=better_stack(card, stacks()))
    if card and lacks_blas:
        found = replace(found, kernels_of=_kernels_of(framework.blas_version, runs_as, here))
    if found.glibc and found.glibc_min and Version(found.glibc) < Version(found.glibc_min):
        found = replace(found, older=_older(found, stacks()))
    return found


def _kernels_of(version: str, card: str, here: Surgery) -> str:
    """An installed stack with the kernels of *card* for rocBLAS *version*."""
    for one in here.installed.prefixes() if version else ():
        try:
            blas = rocblas_of_tree(Path(one.link.resolve(), one.receipt.root), one.receipt.name)
        except OSError:
            continue  # not readable, or changing: then it is no source
        if blas and (blas.version, card in blas.gpus) == (version, True):
            return one.receipt.name
    return ""


def _older(found: FrameworkSymptoms, stacks: tuple[Stack, ...]) -> str:
    builds = (build for stack in stacks if stack.name == found.stack for build in stack.pytorch)
    fitting = (one for one in builds if not one.glibc.min or Version(one.glibc.min) <= Version(found.glibc))
    return next((one.torch for one in fitting), "")
