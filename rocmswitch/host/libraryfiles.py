"""Which file of an environment a library replaces: found by its soname, or named by the user."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from rocmswitch.errors import NotFound, Refused, UsageMistake
from rocmswitch.host.maps import read_elf
from rocmswitch.host.sites import is_conda
from rocmswitch.metadata.elf import ElfFacts
from rocmswitch.model.deployment import LINK, Site
from rocmswitch.planning.fitting import soname_fits
from rocmswitch.planning.placing import Incoming, Placing, Target, is_library, looks_like_library, stem
from rocmswitch.system.disk import disk_errors
from rocmswitch.system.folder import Folder

_SHOWN = 4
"""Files that a message names."""


@dataclass(frozen=True)
class LibraryFile:
    """A library of an environment: the file itself, `path` below `root`, neither with a symlink in it."""

    root: str
    path: str
    facts: ElfFacts
    names: frozenset[str] = frozenset()
    """Its file name, and the names of the symlinks beside it that lead to it."""

    @property
    def whole(self) -> str:
        return f"{self.root}/{self.path}"


def place_files(site: Site, incoming: Sequence[Incoming]) -> tuple[Placing, ...]:
    """For each file the path that it goes to in *site*.

    Raises NotFound, UsageMistake, Refused, as `find_library` and `locate` do.
    """
    names = _Names(site)
    return tuple(Placing(one, _compared(one, _target(site, one, names))) for one in incoming)


def _only(site: Site, soname: str, found: Sequence[LibraryFile]) -> LibraryFile:
    if not found:
        raise NotFound(
            f"`{site.place.name}` has no `{soname}`",
            hint="run the same command with `--as` and the path that it shall have",
        )
    if len(found) > 1:
        raise _several(site, soname, [one.whole for one in found], "is there more than once")
    return found[0]


def find_libraries(site: Site, soname: str) -> tuple[LibraryFile, ...]:
    """Every file of *site* that is the library *soname*; those with another major version only if no other is one.

    Candidates are told by their names (`libMIOpen.so*`), and only their headers are read. A symlink counts as the
    file that it leads to. Raises Refused for one that leads out of the environment, MachineLacks.
    """
    return _named(site, soname, _Names(site))


def _named(site: Site, soname: str, candidates: _Names) -> tuple[LibraryFile, ...]:
    names: dict[str, set[str]] = {}
    for path in candidates.like(soname):
        real = os.path.realpath(path)
        if Path(real).is_file():
            _check_inside(site, str(path), real)
            names.setdefault(real, {PurePosixPath(real).name}).add(path.name)
    files = [_library(site, real, frozenset(found)) for real, found in sorted(names.items())]
    libraries = [one for one in files if one]
    fitting = [one for one in libraries if soname_fits(soname, one.facts.soname or PurePosixPath(one.path).name)]
    return tuple(fitting or libraries)


def locate(site: Site, goes_as: str, name: str = "") -> Target:
    """The path that `--as` *goes_as* means: below a folder of packages, or below the environment itself.

    Where it names a folder that is there, the file keeps its *name* in it. What is there already may be reached
    by symlinks inside the environment; then it is the file that they lead to. Raises UsageMistake, NotFound where
    the folder of the file is not there, and Refused where something leads out or several environments have it.
    """
    if not goes_as.strip("/") or ".." in PurePosixPath(goes_as).parts:
        raise UsageMistake(f"`--as {goes_as}` is no path below an environment")
    paths = [_with_name(base / goes_as, name) for base in _bases(site)]
    there = {os.path.realpath(path): path for path in paths if os.path.lexists(path)}
    above = {os.path.realpath(path): path for path in paths if path.parent.is_dir()}
    found = there or above
    if not found:
        folder = PurePosixPath(goes_as).parent
        raise NotFound(f"`{site.place.name}` has no folder `{folder}`")
    if len(found) > 1:
        raise _several(site, goes_as, [str(one) for one in found.values()], "could mean several files")
    ((real, path),) = found.items()
    return _existing(site, path, real) if there else _below(site, str(path), real)


def _target(site: Site, one: Incoming, names: _Names) -> Target:
    if one.goes_as:
        return locate(site, one.goes_as, PurePosixPath(one.path).name)
    found = _only(site, one.soname, _named(site, one.soname, names))
    return _seen(Target(found.root, found.path, facts=found.facts, names=found.names))


def _compared(one: Incoming, target: Target) -> Target:
    """Bytes are read only where the sizes agree, and then up to the first that differs."""
    if target.is_new or target.seen.size != one.size:
        return target
    with disk_errors(Path(target.whole)):
        return replace(target, holds_the_same=filecmp.cmp(one.path, target.whole, shallow=False))


def _existing(site: Site, path: Path, real: str) -> Target:
    if Path(real).is_dir():
        raise UsageMistake(f"`{path}` is a folder, where a file is expected")
    if not Path(real).exists():
        raise Refused(f"`{path}` is a symlink that leads to nothing")
    return _below(site, str(path), real)


def _below(site: Site, path: str, real: str) -> Target:
    root, below = _check_inside(site, path, real)
    with disk_errors(Path(real)):
        names = _names_of(Path(real))
        return _seen(Target(root, below, facts=read_elf(real), names=names))


def _seen(target: Target) -> Target:
    path = Path(target.whole)
    with disk_errors(path), Folder.reached(path.parent) as folder:
        seen = folder.seen(path.name)
    if seen.kind == LINK:
        raise Refused(f"`{path}` became a symlink while it was looked at")
    return replace(target, seen=seen)


def _names_of(real: Path) -> frozenset[str]:
    with os.scandir(real.parent) as entries:
        links = [one.name for one in entries if one.is_symlink() and os.path.realpath(one.path) == str(real)]
    return frozenset((real.name, *links))


def _with_name(path: Path, name: str) -> Path:
    return path / name if name and path.is_dir() else path


def _bases(site: Site) -> list[Path]:
    """What a path may be below. A user's whole `~/.local` is not meant by the word `user`."""
    whole = [] if site.place.kind == "user" else [site.place.resolved]
    return [Path(one) for one in dict.fromkeys((*site.packages, *whole))]


def _check_inside(site: Site, path: str, real: str) -> tuple[str, str]:
    """The root that the real path is below, and its path there. Raises Refused where it is below none."""
    for base in _bases(site):
        if Path(real).is_relative_to(base):
            return str(base), str(Path(real).relative_to(base))
    raise Refused(f"`{path}` leads out of `{site.place.name}`, to `{real}`, which others may use")


def below_root(site: Site, real: str) -> tuple[str, str]:
    """The root that the file *real*, whose path has no link in it, is below in *site*, and its path there.

    Raises Refused where it is below none.
    """
    return _check_inside(site, real, real)


class _Names:
    """Where in a site there are files called like libraries, symlinks among them: one walk, when first asked."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def like(self, soname: str) -> list[Path]:
        """Those called like the library *soname*, whatever its version."""
        return self._by_stem.get(stem(soname), [])

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for root in walked(self._site):
            # Folders that may not be read hold nothing that their owner's programs load.
            for folder, folders, files in os.walk(root):
                folders[:] = sorted(one for one in folders if one != "__pycache__")
                for name in sorted(one for one in files if ".so" in one and looks_like_library(one)):
                    found.setdefault(stem(name), []).append(Path(folder, name))
        return found


def walked(site: Site) -> list[str]:
    """Folders of packages, and what else of an environment holds libraries: conda's `lib`, all of a prefix."""
    resolved = Path(site.place.resolved)
    whole = []
    if site.place.kind == "prefix":
        whole = [str(resolved)]
    elif is_conda(resolved):
        whole = [os.path.realpath(resolved / "lib")]
    apart = [one for one in site.packages if not any(Path(one).is_relative_to(other) for other in whole)]
    return [*apart, *whole]


def _library(site: Site, real: str, names: frozenset[str]) -> LibraryFile | None:
    facts = read_elf(real)
    if facts is None or not is_library(facts):
        return None
    root, path = below_root(site, real)
    return LibraryFile(root, path, facts, names)


def _several(site: Site, what: str, paths: Sequence[str], how: str) -> Refused:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    told = f"`{what}` {how} in `{site.place.name}`: {', '.join(f'`{one}`' for one in paths[:_SHOWN])}{more}"
    if len({root for one in paths for root in site.packages if one.startswith(f"{root}/")}) > 1:
        return Refused(told, hint="run the same command with `--into` and the folder of packages that is meant")
    return Refused(told, hint="run the same command with `--as` and the path that is meant")
