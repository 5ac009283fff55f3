"""Which capabilities of rpm packages this machine provably has: sonames, paths, and what its loader can do."""

from __future__ import annotations

import re

from rocmswitch.host.libraries import HostLibraries

_SONAME = re.compile(r"(?P<soname>[^/()\s]+\.so[^/()\s]*)\((?P<version>[^()\s]*)\)\(64bit\)")
"""As rpm's dependency generator for ELF files writes what a 64-bit file needs (tools/elfdeps.c); without `(64bit)`
it is of 32 bits."""
_LOADER = "rtld(GNU_HASH)"
"""The loader reads hash tables of this kind: glibc's does since 2.5."""


def lacking_capability(capability: str, libraries: HostLibraries) -> str | None:
    """Why the machine is not known to have *capability*, empty where nothing can be said; None where it has it."""
    if capability.startswith("/"):
        return None if libraries.has_path(capability) else f"there is no `{capability}` on this machine"
    if capability == _LOADER:
        return None if libraries.find("libc.so.6") else "this machine has no glibc"
    found = _SONAME.fullmatch(capability)
    if found is None:
        return ""
    version = f"({found['version']})" if found["version"] else ""
    return libraries.lacks(f"{found['soname']}{version}")
