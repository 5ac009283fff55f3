"""Facts about this machine, or about the one whose file system is mounted at a root: read from files."""

from __future__ import annotations

import mmap
import os
import re
from pathlib import Path

import distro

from rocmswitch.host.libraries import HostLibraries
from rocmswitch.model.host import Host

ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "ppc64le": "ppc64el",
    "riscv64": "riscv64",
    "i686": "i386",
    "armv7l": "armhf",
}
"""Debian's names by those of uname(2), where the two differ or ROCm's tools are built."""

_BANNER = re.compile(rb"release version ([0-9]+\.[0-9]+)")
_VERSION_NODE = re.compile(r"GLIBC_([0-9]+)\.([0-9]+)(?:\.[0-9]+)?")


def read_host(root: Path = Path("/")) -> Host:
    """The machine whose root folder is *root*. Raises nothing: what cannot be found is empty."""
    release = _release(root)
    machine = os.uname().machine
    return Host(
        distribution=release.get("id", ""),
        like=tuple(release.get("id_like", "").split()),
        codename=_codename(release),
        architecture=ARCHITECTURES.get(machine, machine),
        glibc=read_glibc(HostLibraries(root)),
        version=release.get("version_id", ""),
    )


def read_glibc(libraries: HostLibraries) -> str:
    """The version of the C library in the loader's folders, `2.36`; empty where there is none.

    The file is asked, not this process: a Python from conda or Nix may run with a C library of its own.
    """
    path = libraries.find("libc.so.6")
    if path is None:
        return ""
    return glibc_at(path) or _newest_version_node(libraries.defined_versions("libc.so.6"))


def glibc_at(path: Path) -> str:
    """The version of the C library in the file *path*; empty where it does not say."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        banner = _BANNER.search(content)
        return banner[1].decode() if banner else ""


def _release(root: Path) -> dict[str, str]:
    """What os-release(5) says; nothing where it is no text, or where a quote does not end."""
    try:
        return distro.LinuxDistribution(
            include_lsb=False, include_uname=False, root_dir=str(root)
        ).os_release_info()
    except (ValueError, OSError):
        return {}


def _newest_version_node(nodes: tuple[str, ...]) -> str:
    """From symbol versions: never too high, but too low for a release that added no symbol (2.19 to 2.21)."""
    found = [match for node in nodes if (match := _VERSION_NODE.fullmatch(node))]
    return ".".join(map(str, max((int(one[1]), int(one[2])) for one in found))) if found else ""


def _codename(release: dict[str, str]) -> str:
    """A derivative's packages are its parent's, so the parent's code name goes first (Mint, Pop, LMDE)."""
    names = ("ubuntu_codename", "debian_codename", "version_codename")
    return next((release[name] for name in names if release.get(name)), "")
