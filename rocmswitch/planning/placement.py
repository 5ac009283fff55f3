"""Which packages of a closure are unpacked, where, and which are left to the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rocmswitch.errors import MachineLacks
from rocmswitch.metadata.debversion import version_key
from rocmswitch.model.host import Evidence, Host
from rocmswitch.model.package import Package
from rocmswitch.planning.closure import Closure

ROCM = "rocm"
BASE = "base"

C_LIBRARY = "libc6"
NOT_LOOKED_FOR = "nothing was found that shows it"
_LOWER_BOUNDS = (">=", ">>")
"""Not `=`: only the C library's own packages say that (libc6-dev), whose headers and start files fit others."""


@dataclass(frozen=True)
class HostTable:
    """A manifest's `rocm.host` and `rocm.host_only`: names of packages."""

    listed: frozenset[str]
    only: frozenset[str]


@dataclass(frozen=True)
class Placement:
    """All members of a closure, each by its name in exactly one of the two, with the reason."""

    unpacked: Mapping[str, tuple[str, str]]
    """ROCM or BASE, and for BASE what the host lacks."""
    host: Mapping[str, str]


def place_packages(closure: Closure, table: HostTable, evidence: Evidence) -> Placement:
    """Walk from the roots; stop at what the host provably has.

    What is not listed belongs to the stack. What is listed and lacking is carried, with what only it needs.
    Raises MachineLacks where it cannot be carried.
    """
    proven, lacking = dict(evidence.proven), dict(evidence.lacking)
    unpacked = dict.fromkeys(_reached(closure, closure.roots, table.listed), (ROCM, ""))
    edge = {*closure.roots, *(need for name in unpacked for need in closure.needs[name])} - unpacked.keys()
    waiting = [(name, lacking.get(name, NOT_LOOKED_FOR)) for name in closure.needs if name in edge]
    while waiting:
        name, why = waiting.pop()
        if name in unpacked or name in proven:
            continue
        if name in table.only:
            raise MachineLacks(f"this machine has no suitable `{name}`, which cannot be carried along: {why}")
        unpacked[name] = (BASE, why)
        waiting += [(need, lacking.get(need, f"needed by {name}")) for need in closure.needs[name]]
    left = [name for name in closure.needs if name not in unpacked]
    return Placement(unpacked, {name: proven.get(name, "only what the host has needs it") for name in left})


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


def check_c_library(packages: Iterable[Package], host: Host) -> None:
    """Raise MachineLacks where a package needs a newer C library than the one that runs programs here.

    The packages themselves state it, and so does Debian's symbol file for what they were linked with.
    """
    needed = [(one, bound) for one in packages if (bound := c_library_bound(one))]
    if not needed:
        return
    package, bound = max(needed, key=lambda item: version_key(item[1]))
    if not host.glibc or version_key(bound) > version_key(host.glibc):
        has = f"glibc {host.glibc}" if host.glibc else "none"
        raise MachineLacks(
            f"`{package}` needs glibc {bound}, this machine has {has}; carrying a C library is not supported yet"
        )


def c_library_bound(package: Package) -> str:
    """The upstream version of the C library that *package* needs at least, `2.34`; empty where it does not say."""
    bounds = [
        str(version_key(one.version).upstream_version)
        for dependency in package.depends
        for one in dependency
        if one.name.partition(":")[0] == C_LIBRARY and one.operator in _LOWER_BOUNDS
    ]
    return max(bounds, key=version_key, default="")
