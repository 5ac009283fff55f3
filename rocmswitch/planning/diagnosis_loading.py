"""Rows about how a PyTorch's libraries are loaded: what they ask of this machine, and what may come before them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from packaging.version import InvalidVersion, Version

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding, Remedy
from rocmswitch.model.framework import FrameworkLibrary, FrameworkSymptoms
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.planning.diagnosis_shell import unset
from rocmswitch.planning.fitting import REFUSES_EXECUTABLE_STACK

TAG = re.compile(r"cp([0-9])([0-9]+)(t?)")
"""Of an interpreter: `cp311`, `cp313t`."""
_SYMBOL = re.compile(r"(GLIBC|GLIBCXX|CXXABI)_([0-9.]+)")
_C_LIBRARY = "GLIBC"
_SHOWN = 4
_CONF = "take its folder out of `/etc/ld.so.conf.d` as root, then run `sudo ldconfig`"
_CLEARS = "patchelf 0.18 or later"
"""Older ones, Debian 12's among them, do not know the option."""
_OLDER = {
    "glibc": "take a newer system, or an older torch: `rocmswitch recommend` names those that fit this one",
    "libstdc++": "install a newer libstdc++ (Debian: `apt install libstdc++6`), or take an older torch",
}


def old_libraries(symptoms: Symptoms) -> Iterator[Finding]:
    """The wheel is built for a newer system."""
    for one in symptoms.frameworks:
        for kind, wanted, has, library in _lacking(one):
            name = "glibc" if kind == _C_LIBRARY else "libstdc++"
            who = f"`{library.file}` asks for" if library else "its manifest says"
            rebind = " --rebind" if one.is_ours else ""
            older = f"run `rocmswitch use {one.stack} --venv {_target(one)} --torch {one.older}{rebind}`"
            yield Finding(
                f"old-{name.replace('+', 'x')}:{one.name}",
                FAULT,
                f"torch in `{one.name}` needs a newer {name} than this machine has",
                library.path if library else one.framework.folder,
                f"{who} {kind}_{wanted}, and the newest here is {kind}_{has}: the loader refuses it",
                Remedy(older if one.older else _OLDER[name]),
            )


def executable_stack(symptoms: Symptoms) -> Iterator[Finding]:
    """Since glibc 2.41 the loader refuses a library that asks for one (its NEWS)."""
    for one in symptoms.frameworks:
        asking = [library for library in one.framework.libraries if library.executable_stack]
        host = version_of(one.glibc)
        if not asking or host is None:
            continue
        refused = host >= REFUSES_EXECUTABLE_STACK
        names = ", ".join(f"`{library.file}`" for library in asking[:_SHOWN])
        known = f"; by its manifest glibc {one.glibc_max} is the last that loads it" if one.glibc_max else ""
        yield Finding(
            f"executable-stack:{one.name}",
            FAULT if refused else NOTE,
            f"{names} of `{one.name}` {'asks' if len(asking) == 1 else 'ask'} for an executable stack",
            asking[0].path,
            f"glibc {one.glibc} of this machine "
            + ("refuses that: `cannot enable executable stack`" if refused else "allows that, 2.41 refuses it")
            + known,
            _without_flag(one, asking[0]),
        )


def runpath_shadowed(symptoms: Symptoms) -> Iterator[Finding]:
    """DT_RUNPATH comes after LD_LIBRARY_PATH. Of ours the rows about trees tell, before they are entered."""
    for one in symptoms.frameworks:
        if one.shadows:
            told = "; ".join(f"`{path}` by {why}" for path, why in one.shadows[:_SHOWN])
            variable = next((name for name in ("LD_PRELOAD", "LD_LIBRARY_PATH") if name in one.shadows[0][1]), "")
            yield Finding(
                f"runpath-shadowed:{one.name}",
                FAULT,
                f"`{one.name}` would load another ROCm than it brings along",
                one.place,
                told,
                Remedy(f"run `{unset(variable, symptoms.shell)}`" if variable else _CONF),
            )


def search_path_rewritten(symptoms: Symptoms) -> Iterator[Finding]:
    """What patchelf does by default: the wheel's DT_RPATH becomes a DT_RUNPATH, which LD_LIBRARY_PATH overrides."""
    for one in symptoms.frameworks:
        core = one.framework.core
        if one.loader == "rpath" and core and core.search == "runpath":
            yield Finding(
                f"search-path:{one.name}",
                WARNING,
                f"`{core.file}` of `{one.name}` is not searched for as its wheel is",
                core.path,
                f"torch {one.framework.version} has DT_RPATH, and this file DT_RUNPATH: another ROCm on "
                "LD_LIBRARY_PATH comes before what it brings along",
                made_anew(one),
            )


def made_anew(one: FrameworkSymptoms) -> Remedy:
    """Ours with all that it was made from; another's as one of ours, where its torch is in a manifest."""
    if one.is_ours:
        command = ("use", one.stack, "--venv", one.name, "--rebind")
        return Remedy(f"run `rocmswitch {shlex.join(command)}`", command)
    if one.stack:
        return Remedy(f"run `rocmswitch use {one.stack} --venv NAME --torch {one.framework.version}`")
    wanted = f" with Python {dotted(one.packages_for)}" if one.packages_for else ""
    return Remedy(f"make the environment anew{wanted}, and install torch into it again")


def dotted(python: str) -> str:
    """`cp311` as `3.11`."""
    match = TAG.fullmatch(python)
    return f"{match[1]}.{match[2]}{match[3]}" if match else python


def version_of(text: str) -> Version | None:
    """None for what is no version."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _lacking(one: FrameworkSymptoms) -> Iterator[tuple[str, str, str, FrameworkLibrary | None]]:
    """Of each library of the machine: which version is wanted, the newest that it has, and by whom it is wanted."""
    has = {kind: max(versions) for kind, versions in _versions(one.defined).items()}
    host = version_of(one.glibc)
    if host:
        has[_C_LIBRARY] = host
    for kind in sorted(has):
        wanted = [
            (version, library)
            for library in one.framework.libraries
            for version in _versions(library.needs).get(kind, ())
        ]
        most = max(wanted, key=lambda pair: pair[0], default=None)
        least = version_of(one.glibc_min) if kind == _C_LIBRARY else None
        if most and most[0] > has[kind]:
            yield kind, str(most[0]), str(has[kind]), most[1]
        elif least and least > has[kind]:
            yield kind, str(least), str(has[kind]), None


def _versions(names: Iterable[str]) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for match in filter(None, map(_SYMBOL.fullmatch, names)):
        version = version_of(match[2])
        if version:
            found.setdefault(match[1], []).append(version)
    return found


def _without_flag(one: FrameworkSymptoms, library: FrameworkLibrary) -> Remedy:
    """`use` takes the flag away from what it makes; elsewhere the mended file is deployed, which can be undone."""
    if one.is_ours:
        return made_anew(one)
    mended = f"cp {shlex.quote(library.path)} . && patchelf --clear-execstack {shlex.quote(library.file)}"
    deployed = f"rocmswitch deploy {shlex.quote('./' + library.file)} --into {shlex.quote(one.name)}"
    instead = f"; or `rocmswitch use {one.stack} --venv NAME`, which does so by itself" if one.stack else ""
    return Remedy(f"run `{mended} && {deployed}` with {_CLEARS}{instead}")


def _target(one: FrameworkSymptoms) -> str:
    return shlex.quote(one.name) if one.is_ours else "NAME"
