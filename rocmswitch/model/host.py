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
    version: str = ""
    """VERSION_ID: `12`, `9.4`; empty where a system has none."""


@dataclass(frozen=True)
class Missing:
    """What a prefix was to find on this machine, and does not find there now."""

    package: str
    why: str
    can_be_carried: bool
    """The source that the prefix came from has it, too."""


@dataclass(frozen=True)
class Evidence:
    """What was found on this machine of the packages that a manifest's `rocm.host` names."""

    proven: tuple[tuple[str, str], ...] = ()
    """Package, and what shows that the machine has it."""
    lacking: tuple[tuple[str, str], ...] = ()
    """Package, and why its proof fails."""
