"""Which packages of a closure are unpacked, where, and which are left to the host."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rocmswitch.errors import MachineLacks
from rocmswitch.metadata.debversion import version_key
from rocmswitch.model.host import Evidence
from rocmswitch.model.package import C_LIBRARIES, Package
from rocmswitch.planning.closure import Closure

ROCM = "rocm"
BASE = "base"

C_LIBRARY = "libc6"
_NOT_LOOKED_FOR = "nothing was found that shows it"
_CARRIED_TOO = "carried with the C library"
_LOWER_BOUNDS = (">=", ">>")
"""Not `=`: only the C library's own packages say that (libc6-dev), whose headers and start files fit others."""
_SYMBOL_VERSION = re.compile(r"libc\.so\.6\(GLIBC_(?P<version>[0-9.]+)\)(\(64bit\))?")
"""How rpm states it: a capability for each version that a package's files are linked to."""


@dataclass(frozen=True)
class HostTable:
    """A manifest's `rocm.host` and `rocm.host_only`: names of packages."""

    listed: frozenset[str]
    only: frozenset[str]
    hint: str = ""
    """The hint where a C library is needed and cannot be carried."""


@dataclass(frozen=True)
class Placement:
    """All members of a closure, each by its name in exactly one of the two, with the reason."""

    unpacked: Mapping[str, tuple[str, str]]
    """ROCM or BASE, and for BASE what the host lacks."""
    host: Mapping[str, str]
    carried: str = ""
    """Why the C library is among the unpacked, and all else with it; empty where the host's serves."""


def place_packages(
    closure: Closure, table: HostTable, evidence: Evidence, glibc: str, *, keep: bool = False
) -> Placement:
    """Walk from the roots; stop at what the host provably has, if its C library is new enough for all of it.

    What is not listed belongs to the stack. What is listed and lacking is carried, with what only it needs. Where
    the C library *glibc* (empty: the host has another one) is too old for anything that is unpacked, the closure is
    carried whole: libraries of two distributions in one program would need the newer C library, and the loader
    that belongs to it. *keep* says that the tree in whose place this one comes carries it: environments start by
    that loader, so it stays, also where the host's has become new enough. Raises MachineLacks where something
    cannot be carried.
    """
    proven, lacking = _with_c_library(evidence, table, glibc), dict(evidence.lacking)
    own = dict.fromkeys(_reached(closure, closure.roots, table.listed.union(C_LIBRARIES)), (ROCM, ""))
    unpacked = {**own, **_carried(closure, own, proven, lacking)}
    because = _too_old(closure, unpacked, glibc) or _lacking_c_library(unpacked)
    if keep and not because and _c_library(closure):
        because = "the one that is installed has it, and environments may start by that"
    if because:
        _check_c_library(closure, table, because)
        reasons = {name: (BASE, lacking.get(name, _CARRIED_TOO)) for name in closure.needs}
        return Placement({**reasons, **own}, {}, because)
    for name, (_, why) in unpacked.items():
        if name in table.only:
            raise MachineLacks(f"this machine has no suitable `{name}`, which cannot be carried along: {why}")
    left = [name for name in closure.needs if name not in unpacked]
    return Placement(unpacked, {name: proven.get(name, "only what the host has needs it") for name in left})


def _carried(
    closure: Closure, own: Mapping[str, object], proven: Mapping[str, str], lacking: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """What the host lacks of all that the stack's *own* packages need, with the reasons."""
    found: dict[str, tuple[str, str]] = {}
    edge = {*closure.roots, *(need for name in own for need in closure.needs[name])} - own.keys()
    waiting = [(name, lacking.get(name, _NOT_LOOKED_FOR)) for name in closure.needs if name in edge]
    while waiting:
        name, why = waiting.pop()
        if name not in own and name not in found and name not in proven:
            found[name] = (BASE, why)
            waiting += [(need, lacking.get(need, f"needed by {name}")) for need in closure.needs[name]]
    return found


def _lacking_c_library(unpacked: Mapping[str, tuple[str, str]]) -> str:
    """Why the host's C library does not do, by the manifest's own proof; empty where it does."""
    lacking = next((unpacked[name][1] for name in C_LIBRARIES if name in unpacked), "")
    return f"this machine's C library does not do: {lacking}" if lacking else ""


def _with_c_library(evidence: Evidence, table: HostTable, glibc: str) -> dict[str, str]:
    """What is proven. A C library that the manifest asks no proof of is the host's wherever the host has one."""
    proven = dict(evidence.proven)
    if glibc:
        unasked = (name for name in C_LIBRARIES if name not in table.listed)
        return {**dict.fromkeys(unasked, f"glibc {glibc}"), **proven}
    return {name: why for name, why in proven.items() if name not in C_LIBRARIES}


def _reached(closure: Closure, roots: Iterable[str], stop: frozenset[str]) -> set[str]:
    """Names that can be reached without passing one of *stop*, which are not among them."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found and name not in stop:
            found.add(name)
            waiting += closure.needs[name]
    return found


def _too_old(closure: Closure, unpacked: Mapping[str, object], glibc: str) -> str:
    """Why *glibc* does not do for the *unpacked*; empty where it does.

    The packages themselves state what they need, and so does Debian's symbol file for what they were linked with.
    """
    stated = ((one, c_library_bound(one)) for one in closure.packages if one.name in unpacked)
    needed = [(one, bound) for one, bound in stated if bound]
    if not needed:
        return ""
    package, bound = max(needed, key=lambda item: version_key(item[1]))
    if glibc and version_key(bound) <= version_key(glibc):
        return ""
    return f"this machine has {f'glibc {glibc}' if glibc else 'no glibc'} and {package.name} needs {bound}"


def _check_c_library(closure: Closure, table: HostTable, because: str) -> None:
    """Raise MachineLacks where there is none to carry: AMD's repositories have only ROCm."""
    there = _c_library(closure)
    if not there:
        said = f"{because}, and there is no C library to carry along where these packages come from"
        raise MachineLacks(said, hint=table.hint)
    if there[0].name in table.only:
        said = f"{because}, and the manifest says that `{there[0].name}` cannot be carried along"
        raise MachineLacks(said, hint=table.hint)


def _c_library(closure: Closure) -> list[Package]:
    """The closure's own, none that only stands for the host's."""
    return [one for one in closure.packages if one.name in C_LIBRARIES and one.filename]


def c_library_bound(package: Package) -> str:
    """The upstream version of the C library that *package* needs at least, `2.34`; empty where it does not say."""
    relations = [one for dependency in package.depends for one in dependency]
    bounds = [
        str(version_key(one.version).upstream_version)
        for one in relations
        if one.name.partition(":")[0] in C_LIBRARIES and one.operator in _LOWER_BOUNDS
    ]
    bounds += [found["version"] for one in relations if (found := _SYMBOL_VERSION.fullmatch(one.name))]
    return max(bounds, key=version_key, default="")
