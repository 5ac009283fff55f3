"""Rows about a PyTorch that lies in an environment: whether it fits its Python, this machine, and itself.

Everything comes from its files; nothing was run. Rows about its GPU code stand in `diagnosis_gpucode`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator

from packaging.tags import compatible_tags, cpython_tags, parse_tag
from packaging.version import InvalidVersion, Version

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding, Remedy
from rocmswitch.model.framework import FrameworkLibrary, FrameworkSymptoms
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.planning import diagnosis_gpucode
from rocmswitch.planning.diagnosis_shell import unset
from rocmswitch.planning.fitting import REFUSES_EXECUTABLE_STACK
from rocmswitch.planning.libraries import library_of

_NUMPY_2 = Version("2.3")
"""The first PyTorch that is built for numpy 2."""
_TAG = re.compile(r"cp([0-9])([0-9]+)(t?)")
_SYMBOL = re.compile(r"(GLIBC|GLIBCXX|CXXABI)_([0-9.]+)")
_C_LIBRARY = "GLIBC"
_MAJORS = {"libamdhip64": {"5": "5", "6": "6", "7": "7"}, "librocblas": {"5": "0", "6": "4", "7": "5"}}
"""Which version of a library a HIP of that major number goes with, by its soname."""
_SONAME = re.compile(r"(lib[A-Za-z0-9_-]+?)(?:-[0-9a-f]{8})?\.so\.([0-9]+)")
_SHOWN = 4


def not_for_rocm(symptoms: Symptoms) -> Iterator[Finding]:
    """Of an environment that others made: a torch that never looks for an AMD card. Ours may be meant so."""
    for one in symptoms.frameworks:
        if one.is_ours or one.framework.is_for_rocm:
            continue
        built = f"CUDA {one.framework.cuda}" if one.framework.cuda else "processors alone"
        worst = FAULT if one.framework.cuda else WARNING
        yield Finding(
            f"not-for-rocm:{one.name}",
            worst if symptoms.card.target else NOTE,
            f"torch {one.framework.version} in `{one.name}` is built for {built}",
            one.framework.folder,
            "its `version.py` names no HIP: it finds no AMD GPU, whatever is installed beside it",
            Remedy(
                f"run `rocmswitch use {one.better} --venv NAME`" if one.better else "run `rocmswitch recommend`"
            ),
        )


def wrong_python(symptoms: Symptoms) -> Iterator[Finding]:
    """A wheel is for one Python; an upgrade of the system puts another one into an environment."""
    for one in symptoms.frameworks:
        python, tags = one.python or one.packages_for, one.framework.tags
        if one.packages_for and python != one.packages_for:
            what = f"the packages of `{one.name}` are for Python {_shown(one.packages_for)}, and its Python is not"
            why = f"it is Python {_shown(python)}, which does not look into `{one.framework.folder}`"
        elif python and tags and not _fits(tags, python):
            what = f"torch in `{one.name}` is not for its Python"
            why = f"the wheel is {', '.join(tags[:_SHOWN])}, and Python {_shown(python)} cannot import it"
        else:
            continue
        yield Finding(f"wrong-python:{one.name}", FAULT, what, one.place, why, _made_anew(one))


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
        host = _version(one.glibc)
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
                _made_anew(one),
            )


def numpy_2(symptoms: Symptoms) -> Iterator[Finding]:
    """torch before 2.3 is built for numpy 1: `Numpy is not available`."""
    for one in symptoms.frameworks:
        torch, numpy = _version(one.framework.version), _version(one.framework.numpy)
        if torch and numpy and torch < _NUMPY_2 and numpy.major >= 2:
            python = f"{one.place}/bin/python" if one.kind != "user" else "python3"
            yield Finding(
                f"numpy-2:{one.name}",
                WARNING,
                f"`{one.name}` has numpy {numpy}, and its torch is built for numpy 1",
                one.framework.folder,
                f"torch {torch} warns when it is imported, and every `.numpy()` fails: `Numpy is not available`",
                Remedy(f"run `{shlex.quote(python)} -m pip install 'numpy<2'`"),
            )


def mixed_rocm(symptoms: Symptoms) -> Iterator[Finding]:
    """Libraries of another ROCm than the wheel was built with: another interface."""
    for one in symptoms.frameworks:
        for library, why in (*_other_majors(one.framework.libraries, one.framework.hip), *_other_wheels(one)):
            yield Finding(
                f"mixed-rocm:{one.name}:{library}",
                FAULT,
                f"`{one.name}` has {library} of another ROCm than its torch was built with",
                one.framework.folder,
                why,
                _made_anew(one),
            )


ROWS: tuple[Callable[[Symptoms], Iterable[Finding]], ...] = (
    not_for_rocm,
    wrong_python,
    old_libraries,
    executable_stack,
    mixed_rocm,
    diagnosis_gpucode.target_missing,
    diagnosis_gpucode.blas_kernels_missing,
    runpath_shadowed,
    search_path_rewritten,
    numpy_2,
    diagnosis_gpucode.target_partly,
    diagnosis_gpucode.library_code,
    diagnosis_gpucode.other_cards_code,
    diagnosis_gpucode.databases,
)

_CONF = "take its folder out of `/etc/ld.so.conf.d` as root, then run `sudo ldconfig`"
_OLDER = {
    "glibc": "take a newer system, or an older torch: `rocmswitch recommend` names those that fit this one",
    "libstdc++": "install a newer libstdc++ (Debian: `apt install libstdc++6`), or take an older torch",
}


def _fits(tags: Iterable[str], python: str) -> bool:
    """Whether one of a wheel's *tags* is for *python* (`cp311`), whatever the machine."""
    match = _TAG.fullmatch(python)
    if match is None:
        return True
    version = (int(match[1]), int(match[2]))
    abi = f"{python}m" if version < (3, 8) else python
    supported = {
        (one.interpreter, one.abi)
        for found in (
            cpython_tags(version, abis=[abi], platforms=["any"]),
            compatible_tags(version, interpreter=f"cp{match[1]}{match[2]}", platforms=["any"]),
        )
        for one in found
    }
    return any((one.interpreter, one.abi) in supported for tag in tags for one in parse_tag(tag))


def _lacking(one: FrameworkSymptoms) -> Iterator[tuple[str, str, str, FrameworkLibrary | None]]:
    """Of each library of the machine: which version is wanted, the newest that it has, and by whom it is wanted."""
    has = {kind: max(versions) for kind, versions in _versions(one.defined).items()}
    host = _version(one.glibc)
    if host:
        has[_C_LIBRARY] = host
    for kind in sorted(has):
        wanted = [
            (version, library)
            for library in one.framework.libraries
            for version in _versions(library.needs).get(kind, ())
        ]
        most = max(wanted, key=lambda pair: pair[0], default=None)
        least = _version(one.glibc_min) if kind == _C_LIBRARY else None
        if most and most[0] > has[kind]:
            yield kind, str(most[0]), str(has[kind]), most[1]
        elif least and least > has[kind]:
            yield kind, str(least), str(has[kind]), None


def _versions(names: Iterable[str]) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for match in filter(None, map(_SYMBOL.fullmatch, names)):
        version = _version(match[2])
        if version:
            found.setdefault(match[1], []).append(version)
    return found


def _other_majors(libraries: Iterable[FrameworkLibrary], hip: str) -> Iterator[tuple[str, str]]:
    """Of those it brings along by their sonames: `libamdhip64.so.7` does not go with HIP 6."""
    major = hip.partition(".")[0]
    for one in libraries:
        match = _SONAME.fullmatch(one.soname)
        wanted = _MAJORS.get(library_of(one.path), {}).get(major, "")
        if match and wanted and match[2] != wanted:
            yield (
                library_of(one.path),
                f"`{one.path}` is {one.soname}, and HIP {hip} goes with `{match[1]}.so.{wanted}`",
            )


def _other_wheels(one: FrameworkSymptoms) -> Iterator[tuple[str, str]]:
    wanted = _version(one.framework.version.partition("+rocm")[2])
    for name, text in one.framework.rocm:
        has = _version(text)
        if wanted and has and has.release[:2] != wanted.release[:2]:
            yield name, f"it is {has}, and torch {one.framework.version} was built with {wanted}"


def _without_flag(one: FrameworkSymptoms, library: FrameworkLibrary) -> Remedy:
    """`use` takes the flag away from what it makes; elsewhere the mended file is deployed, which can be undone."""
    if one.is_ours:
        return _made_anew(one)
    mended = f"cp {shlex.quote(library.path)} . && patchelf --clear-execstack {shlex.quote(library.file)}"
    deployed = f"rocmswitch deploy {shlex.quote('./' + library.file)} --into {shlex.quote(one.name)}"
    instead = f"; or `rocmswitch use {one.stack} --venv NAME`, which does so by itself" if one.stack else ""
    return Remedy(f"run `{mended} && {deployed}`{instead}")


def _made_anew(one: FrameworkSymptoms) -> Remedy:
    """Ours with all that it was made from; another's as one of ours, where its torch is in a manifest."""
    if one.is_ours:
        command = ("use", one.stack, "--venv", one.name, "--rebind")
        return Remedy(f"run `rocmswitch {shlex.join(command)}`", command)
    if one.stack:
        return Remedy(f"run `rocmswitch use {one.stack} --venv NAME --torch {one.framework.version}`")
    wanted = f" with Python {_shown(one.packages_for)}" if one.packages_for else ""
    return Remedy(f"make the environment anew{wanted}, and install torch into it again")


def _target(one: FrameworkSymptoms) -> str:
    return shlex.quote(one.name) if one.is_ours else "NAME"


def _shown(python: str) -> str:
    """`cp311` as `3.11`."""
    match = _TAG.fullmatch(python)
    return f"{match[1]}.{match[2]}{match[3]}" if match else python


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
