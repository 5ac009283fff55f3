"""This machine, as far as planning needs to know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """Facts read once, from files: never a list of distributions that are allowed."""

    distribution: str
    """ID of /etc/os-release: `debian`, `ubuntu`, `fedora`."""
    like: tuple[str, ...]
    codename: str
    """VERSION_CODENAME, or UBUNTU_CODENAME of a derivative."""
    architecture: str
    """Debian's name of it: `amd64`."""
    glibc: str
    """The version of the C library that runs programs here, `2.36`; empty where it is not glibc."""
