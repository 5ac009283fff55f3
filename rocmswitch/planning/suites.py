"""Which part of a repository is for this machine, where it has one for each of several systems."""

from __future__ import annotations

import re

from rocmswitch.metadata.debversion import version_key
from rocmswitch.model.host import Host
from rocmswitch.model.source import Source

DEFAULT = "default"

GLIBC = {
    "xenial": "2.23",
    "bionic": "2.27",
    "focal": "2.31",
    "jammy": "2.35",
    "noble": "2.39",
    "buster": "2.28",
    "bullseye": "2.31",
    "bookworm": "2.36",
    "trixie": "2.41",
    "el7": "2.17",
    "el8": "2.28",
    "el9": "2.34",
    "el10": "2.39",
    "sles15": "2.38",
    "sles16": "2.40",
}
"""By the word for a system, the C library that it came with: what is built for it needs no newer one."""

_ENTERPRISE = frozenset({"rhel", "centos", "fedora"})
_SUSE = frozenset({"suse", "opensuse", "sles"})
RPM_BASED = _ENTERPRISE | _SUSE
"""ID and ID_LIKE of systems whose packages are rpm's: every derivative says one of them (os-release(5))."""


def words_of(host: Host) -> frozenset[str]:
    """What *host* calls itself and what it is like."""
    return frozenset({host.distribution, *host.like})


def suite_for(source: Source, host: Host) -> str:
    """The suite of *source* that is for *host*; empty where it has none.

    Of rpm it is that of the host's own family and major version, else the newest that the host's C library can
    run.
    """
    if isinstance(source.suite, str):
        return source.suite
    if source.kind == "apt":
        return source.suite.get(host.codename) or source.suite.get(DEFAULT, "")
    own = f"{_family(host)}{host.version.partition('.')[0]}"
    fitting = [name for name in source.suite if name in GLIBC and fits(name, host)]
    newest = max(fitting, key=lambda name: (_is_of(name, host), version_key(GLIBC[name])), default=DEFAULT)
    return source.suite.get(own) or source.suite.get(newest, "")


def folder_for(source: Source, host: Host) -> str:
    """The repository of *source* that is for *host*; empty where it has none, or only one."""
    return source.folder.get(host.codename) or source.folder.get(DEFAULT, "")


def fits(system: str, host: Host) -> bool:
    """Whether the C library of *host* is as new as that of *system*; what is not known is taken to fit."""
    if system not in GLIBC or not host.glibc:
        return True
    return bool(version_key(GLIBC[system]) <= version_key(host.glibc))


def _family(host: Host) -> str:
    if words_of(host) & _SUSE:
        return "sles"
    # Fedora's own versions are not those of the enterprise systems that are like it.
    return "el" if words_of(host) & _ENTERPRISE and host.distribution != "fedora" else ""


def _is_of(name: str, host: Host) -> bool:
    """Whether the suite *name* is for the host's own family."""
    return bool(re.match(r"sles" if words_of(host) & _SUSE else r"el", name))
