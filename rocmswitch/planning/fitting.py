"""Whether a library will load where it is to go: judged from ELF headers, as the dynamic loader would do it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from packaging.version import InvalidVersion, Version

from rocmswitch.metadata.elf import ElfFacts
from rocmswitch.model.deployment import Problem
from rocmswitch.planning.libraries import is_below, library_of
from rocmswitch.planning.loader import find
from rocmswitch.planning.placing import Ground, Incoming, Neighbour, Placing, Target, is_library, major, stem

REFUSES_EXECUTABLE_STACK = Version("2.41")
"""The glibc from which dlopen(3) refuses a library that asks for an executable stack (its NEWS, 2.41)."""
_GLIBC = re.compile(r"GLIBC_(\d[\d.]*)")


def soname_fits(new: str, old: str) -> bool:
    """Whether a library with the soname *new* may stand where one with *old* stands, under the same file name.

    Wheels carry libraries under unversioned file names, by which the others in the wheel need them, while the
    soname inside keeps its version or loses it, depending on the tool that made the wheel. So a version on one
    side alone says nothing: those who need the library open it by its file name, which a deployment never
    changes. Two versions must have the same major number, because that is what a soname promises: a different one
    is an incompatible interface. The name before `.so` must be the same.
    """
    return new == old or (stem(new) == stem(old) and _majors_agree(new, old))


def check_library(placing: Placing, ground: Ground) -> tuple[Problem, ...]:
    """Why the library should not go there, each reason once; nothing where it is no library.

    *ground* is as it will be with all that goes there together: `Ground.with_new`.
    """
    new, old = placing.incoming, placing.target
    if new.facts is None or not is_library(new.facts):
        return ()
    mistaken = tuple(_of_another_machine(new.facts, old, ground))
    if mistaken:
        # Nothing else that its headers say can be compared.
        return tuple(Problem("architecture", new.path, one) for one in mistaken)
    checks = (
        ("soname", _of_another_name(new, old, ground)),
        ("needed", _without_provider(new.facts, old, ground)),
        ("version", _unmet_versions(new.facts, old, ground)),
        ("version", _versions_others_miss(new.facts, old, ground)),
        ("glibc", _newer_glibc(new.facts, old, ground)),
        ("stack", _executable_stack(new.facts, old, ground)),
    )
    return tuple(Problem(kind, new.path, what) for kind, found in checks for what in found)


def _of_another_machine(new: ElfFacts, old: Target, ground: Ground) -> Iterator[str]:
    there = old.facts
    machine, bits = (there.machine, there.bits) if there else (ground.machine, 64)
    if (new.machine, new.bits) != (machine, bits):
        whose = f"`{old.file}` there" if there else "this machine"
        yield f"it is for {_machine(new.machine, new.bits)}, and {whose} for {_machine(machine, bits)}"


def _machine(machine: str, bits: int) -> str:
    return f"{machine.removeprefix('EM_').lower()} ({bits} bit)"


def _of_another_name(new: Incoming, old: Target, ground: Ground) -> Iterator[str]:
    if old.facts is None:
        return
    if not soname_fits(new.soname, old.soname):
        yield f"it is `{new.soname}`, and `{old.file}` there is `{old.soname}`"
    elif new.soname != old.soname:
        # Who needs it by its soname gets the file that is loaded already under whatever file name; or none.
        asker = next((one for one in ground.neighbours if _needs_by_soname(one, old)), None)
        if asker:
            yield f"`{_name(asker.path)}` needs it by its soname `{old.soname}`, and it is `{new.soname}`"


def _needs_by_soname(one: Neighbour, old: Target) -> bool:
    return one.path != old.whole and old.soname in one.facts.needed and old.soname not in old.names | {old.file}


def _without_provider(new: ElfFacts, old: Target, ground: Ground) -> Iterator[str]:
    for name in new.needed:
        found = _provider(name, old, ground)
        copy = _other_copy(name, ground)
        if found is None:
            known = f"; there is `{_name(copy.path)}`, which is `{copy.facts.soname}`" if copy else ""
            yield f"it needs `{name}`, which neither the environment nor this machine has{known}"
        elif copy and found != copy.path and not is_below(found, ground.roots):
            yield f"it needs `{name}`, which would be `{found}`, a second copy beside `{copy.path}`"


def _provider(name: str, old: Target, ground: Ground) -> str | None:
    """The real path of what the loader gives a library at *old* that needs *name*.

    What is loaded already under that name or soname counts first (dl-load.c, _dl_map_object): the libraries of
    one bundle are loaded breadth first, those beside it before those that it needs itself.
    """
    beside = next((one for one in ground.neighbours if name in one.names), None)
    if beside:
        return beside.path
    askers = [one.path for one in ground.neighbours if old.names & {*one.facts.needed}]
    chain = (old.whole, *askers[:1], *([ground.python] if ground.python else []))
    found = find(name, chain, ground.search, ground.files)
    return found.path if found else None


def _other_copy(name: str, ground: Ground) -> Neighbour | None:
    """The environment's own copy of the ROCm library that *name* is."""
    library = library_of(name)
    return next((one for one in ground.neighbours if library and library_of(one.path) == library), None)


def _unmet_versions(new: ElfFacts, old: Target, ground: Ground) -> Iterator[str]:
    """A library without any versions satisfies all: the loader only warns (dl-version.c, match_symbol)."""
    for name, versions in new.needed_versions:
        provider = _provider(name, old, ground)
        facts = ground.files.facts(provider) if provider else None
        if provider and facts and facts.defined_versions:
            lacking = [one for one in versions if one not in facts.defined_versions]
            if ground.glibc:
                lacking = [one for one in lacking if not _GLIBC.fullmatch(one)]
            if lacking:
                yield f"it needs {_listed(lacking)} of `{name}`, which `{provider}` does not define"


def _versions_others_miss(new: ElfFacts, old: Target, ground: Ground) -> Iterator[str]:
    """What the library there defines, others need, and the new one has no more."""
    gone = {*(old.facts.defined_versions if old.facts else ())} - {*new.defined_versions}
    if not gone or not new.defined_versions:
        return
    names = old.names | {old.file, old.soname}
    for one in ground.neighbours:
        wanted = (version for name, versions in one.facts.needed_versions if name in names for version in versions)
        missing = sorted(gone.intersection(wanted))
        if missing and one.path != old.whole:
            yield f"`{_name(one.path)}` needs {_listed(missing)} of `{old.file}`, which it does not define"


def _newer_glibc(new: ElfFacts, old: Target, ground: Ground) -> Iterator[str]:
    host = _version(ground.glibc)
    wanted = (_GLIBC.fullmatch(one) for _, versions in new.needed_versions for one in versions)
    found = [version for match in wanted if match and (version := _version(match[1]))]
    newest = max(found, default=None)
    if host and newest and newest > host:
        yield f"it needs glibc {newest}, and this machine has {ground.glibc}"


def _executable_stack(new: ElfFacts, old: Target, ground: Ground) -> Iterator[str]:
    host = _version(ground.glibc)
    if new.executable_stack and host and host >= REFUSES_EXECUTABLE_STACK:
        yield f"it asks for an executable stack, which glibc {ground.glibc} of this machine refuses"


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _majors_agree(new: str, old: str) -> bool:
    return len({*filter(None, (major(new), major(old)))}) < 2


def _name(path: str) -> str:
    return PurePosixPath(path).name


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"`{one}`" for one in words)
