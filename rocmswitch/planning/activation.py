"""What entering a tree changes: from its manifest's environment and the folders that it really has."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from rocmswitch.model.activation import UV_CONSTRAINT, Activation, Assignment, CardVariable
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.planning.cmake import builders_variables, package_folders, was_found_out

if TYPE_CHECKING:
    from rocmswitch.model.stack import Gpu

PLACEHOLDER = "{prefix}"
ACTIVE = "ROCMSWITCH_ACTIVE"
"""Names what was entered, for `rocmswitch current` and for the script that leaves."""
CONSTRAINTS = "constraints.txt"
"""In the root of an environment: the exact versions that nothing installed into it may replace."""

_TOOLS = ("bin", "hip/bin", "opencl/bin")
"""Below the ROCm tree; releases before 5.3 keep real programs in hip/bin (facts: repository layout)."""
CARRIED_TOOLS = "base/tools"
"""Programs that hipcc and clang run by their bare names and that the machine lacks. Not the folder that packages
have them in: nothing else that is carried may hide the machine's own."""
CARRIED_LINKER = "base/linker"
"""What of that only hipcc is told of where the machine has its own, for the machine's compilers to go on using."""

CARRIED_RUNTIME = "base/runtime"
"""Libraries of a carried compiler, for programs that are linked with it. Not the folder that packages have them in:
such programs take everything else from the machine."""
CARRIED_LIBRARIES = "base/shared"
"""What programs of the machine's take from a tree that carries its C library (store/carriedlibc.py)."""
_COMPILE_FLAGS, _LINK_FLAGS = "HIPCC_COMPILE_FLAGS_APPEND", "HIPCC_LINK_FLAGS_APPEND"
_FOUND_OUT = (ACTIVE, _COMPILE_FLAGS, _LINK_FLAGS)
"""What no manifest states."""
_LINKER_NAMES = ("libamdhip64.so", "libhsa-runtime64.so")
_BASE = "base"
_CARRIED = "base/usr"
_START_FILE = re.compile(rf"{_CARRIED}/lib/gcc/(?P<machine>[^/]+)/[^/]+/crtbegin\.o")
_OWN_PERL = PurePath(f"{CARRIED_TOOLS}/rocmswitch-perl")
_PERL_MODULES = "base/usr/share/perl5"
"""For the machine's perl, whatever its version: Debian keeps text alone there. A carried perl finds them itself."""


@dataclass(frozen=True)
class CarriedLoader:
    """What programs of a tree start by that carries its own C library; empty for all other trees."""

    loader: str = ""
    """Its path in the tree."""
    libraries: tuple[str, ...] = ()
    """The folders of the tree that it has to look in, the C library's own first."""


NO_LOADER = CarriedLoader()


def plan_activation(
    name: str,
    root: str,
    environment: Sequence[tuple[str, str]],
    entries: Iterable[FileEntry],
    cards: tuple[CardVariable, ...] = (),
    carried: CarriedLoader = NO_LOADER,
) -> Activation:
    """The activation of a prefix whose ROCm tree lies at *root*. *environment* and *cards* are its manifest's.

    No folder with a C library is ever named to the loader of all programs: what needs it names it itself. What
    hipcc links does so too, by the prefix's published name, *carried* or not: such a program goes on working when
    the stack is installed anew, with other sets or for other cards, starts by what that name means then, and does
    not start any more when the stack is removed.
    """
    paths = [PurePath(entry.path) for entry in entries if entry.kind != "directory"]
    folders = {str(path.parent) for path in paths}
    tools = tuple(f"{root}/{one}" for one in _TOOLS if f"{root}/{one}" in folders)
    linked = _linked(paths)
    assignments = [Assignment(ACTIVE, name), *(_assignment(*one) for one in environment)]
    has_hipcc = "hipcc" in {path.name for path in paths if str(path.parent) in tools}
    packages = package_folders(root, paths) if has_hipcc else ()
    if has_hipcc:
        flags = zip((_COMPILE_FLAGS, _LINK_FLAGS), compiler_flags(paths, carried), strict=True)
        own = dict(environment)
        assignments += [Assignment(key, " ".join(value)) for key, value in flags if value and key not in own]
        # A program of a tree that carries its C library needs more folders than those that CMake would name to it.
        excluded = linked if packages and not carried.loader else ()
        assignments += builders_variables(root, paths, tuple(assignments), excluded)
    variables = {
        "PATH": (*tools, *({CARRIED_TOOLS} & folders)),
        "LIBRARY_PATH": linked,
        "CMAKE_PREFIX_PATH": packages,
        "PERL5LIB": (_PERL_MODULES,) if _has_modules(folders) and not _has_own_perl(paths) else (),
    }
    kept = tuple((key, values) for key, values in variables.items() if values)
    return Activation(tuple(assignments), kept, cards)


def compiler_flags(paths: Sequence[PurePath], carried: CarriedLoader) -> tuple[list[str], list[str]]:
    """What a compiler of the tree has to be told when it compiles, and when it links, for all that it makes."""
    folders = {str(path.parent) for path in paths}
    linked = _linked(paths)
    if carried.loader:
        linking = [*_carried_link_flags(folders, linked, carried), *_machine_libraries(paths)]
        return [_sysroot_flag(), *_machine_headers(paths)], linking
    return _compile_flags(paths), _link_flags(paths, folders, linked)


def stated(activation: Activation) -> tuple[tuple[str, str], ...]:
    """The variables that a manifest stated for a prefix: `plan_activation` takes them, and finds out the rest."""
    return tuple(
        (one.name, "/".join(filter(None, (PLACEHOLDER, one.value))) if one.under_root else one.value)
        for one in activation.assignments
        if one.name not in _FOUND_OUT and not was_found_out(one, activation.assignments)
    )


def plan_venv_activation(
    name: str,
    *,
    protected: bool = False,
    cards: tuple[CardVariable, ...] = (),
    environment: Sequence[tuple[str, str]] = (),
) -> Activation:
    """What a virtual environment adds to the prefix that it is bound to, if it is bound to one.

    *protected* where its root holds constraints; *cards* where its wheels bring their ROCm along, and then
    *environment* is the stack's own, in which `{prefix}` stands for the environment's place.
    """
    assignments = [Assignment(ACTIVE, name), *(_assignment(*one) for one in environment)]
    assignments.append(Assignment("VIRTUAL_ENV", "", under_root=True))
    if protected:
        assignments.append(Assignment(UV_CONSTRAINT, CONSTRAINTS, under_root=True))
    return Activation(tuple(assignments), (("PATH", ("bin",)),), cards, ("PYTHONHOME",))


def card_variables(gpus: Mapping[str, Gpu]) -> tuple[CardVariable, ...]:
    """What a manifest says of each card: variables that are always set for it, then those of its named profiles."""
    found = []
    for target, gpu in sorted(gpus.items()):
        found += [CardVariable(target, name, value) for name, value in sorted(gpu.environment.items())]
        for profile, variables in sorted(gpu.profiles.items()):
            found += [CardVariable(target, name, value, profile) for name, value in sorted(variables.items())]
    return tuple(found)


def _assignment(name: str, value: str) -> Assignment:
    """`{prefix}` and `{prefix}/…` are places in the tree; anything else is text."""
    if value == PLACEHOLDER or value.startswith(f"{PLACEHOLDER}/"):
        return Assignment(name, value[len(PLACEHOLDER) + 1 :], under_root=True)
    return Assignment(name, value)


def _linked(paths: Iterable[PurePath]) -> tuple[str, ...]:
    return _unique(str(path.parent) for path in paths if path.name in _LINKER_NAMES)


def _compile_flags(paths: Iterable[PurePath]) -> list[str]:
    """Where hipcc finds a carried C library's headers: after the machine's own, which fit what runs there."""
    machine = _carried_toolchain(paths)
    if not machine:
        return []
    headers = (f"{_CARRIED}/include/{machine}", f"{_CARRIED}/include")
    return [_toolchain_flag(), *(f"-idirafter {PLACEHOLDER}/{one}" for one in headers)]


def _link_flags(paths: Sequence[PurePath], folders: Collection[str], linked: Sequence[str]) -> list[str]:
    """Programs that hipcc links find this tree's HIP and a carried compiler's libraries without any variable."""
    at_run_time = (*linked[:1], *({CARRIED_RUNTIME} & set(folders)))
    flags = [f"-Wl,-rpath,{PLACEHOLDER}/{one}" for one in at_run_time]
    machine = _carried_toolchain(paths)
    if machine:
        places = [one for one in (f"{_CARRIED}/lib/{machine}", f"base/lib/{machine}") if one in folders]
        flags += [_toolchain_flag(), f"-B{PLACEHOLDER}/{places[0]}"] if places else [_toolchain_flag()]
        flags += [f"-L{PLACEHOLDER}/{one}" for one in places]
    return flags


def _carried_link_flags(folders: Collection[str], linked: Sequence[str], carried: CarriedLoader) -> list[str]:
    """For programs that start by the tree's own loader and look in the tree first, though nobody runs them in it.

    DT_RPATH, and of all folders: what they open by name, and what the machine's LD_LIBRARY_PATH says, is looked
    for after it.
    """
    at_run_time = dict.fromkeys((*linked[:1], *carried.libraries))
    return [
        _sysroot_flag(),
        *(f"-B{PLACEHOLDER}/{one}" for one in (CARRIED_LINKER, CARRIED_TOOLS) if one in folders),
        f"-Wl,--dynamic-linker={PLACEHOLDER}/{carried.loader}",
        "-Wl,--disable-new-dtags",
        *(f"-Wl,-rpath,{PLACEHOLDER}/{one}" for one in at_run_time),
        # ld puts the sysroot before the others when it looks for what a library of the user's needs.
        *(f"-Wl,-rpath-link,{PLACEHOLDER}/{one}" for one in at_run_time),
    ]


def _sysroot_flag() -> str:
    """Headers, start files and libraries of the carried C library: the machine's are of another."""
    return f"--sysroot={PLACEHOLDER}/{_BASE}"


def _machine_headers(paths: Iterable[PurePath]) -> list[str]:
    """For what a program needs besides (zlib, SQLite): behind all that is carried."""
    folders = ("/usr/local/include", *_of_the_machine(paths, "/usr/include"), "/usr/include")
    return [f"-idirafter {one}" for one in folders]


def _machine_libraries(paths: Iterable[PurePath]) -> list[str]:
    """Their libraries, which run with the newer C library too. Not as -L: clang puts that before its own folders,
    and the machine's `libc.so` would be taken."""
    folders = ("/usr/local/lib", *_of_the_machine(paths, "/usr/lib"), "/usr/lib64")
    return [f"-Wl,{','.join(f'-L{one}' for one in folders)}"]


def _of_the_machine(paths: Iterable[PurePath], folder: str) -> list[str]:
    machine = _carried_toolchain(paths)
    return [f"{folder}/{machine}"] if machine else []


def _carried_toolchain(paths: Iterable[PurePath]) -> str:
    """What a carried GCC calls the machine it is for, `x86_64-linux-gnu`; empty where none is carried."""
    return next((found["machine"] for path in paths if (found := _START_FILE.fullmatch(str(path)))), "")


def _toolchain_flag() -> str:
    return f"--gcc-toolchain={PLACEHOLDER}/{_CARRIED}"


def _has_own_perl(paths: Collection[PurePath]) -> bool:
    """Whether scripts run with the carried perl, because the machine has none (store/tools.py)."""
    return _OWN_PERL in paths


def _has_modules(folders: Iterable[str]) -> bool:
    return any(PurePath(one).is_relative_to(_PERL_MODULES) for one in folders)


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
