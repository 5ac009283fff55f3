"""Every enabled place that the package manager of a system takes packages from, and what apt prefers."""

from __future__ import annotations

from collections.abc import Iterator

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.aptsources import AptEntry, parse_preferences, parse_sources
from rocmswitch.metadata.repofile import parse_repositories
from rocmswitch.model.machine import APT, RPM, Pin, Source

_APT = "etc/apt"
_RPM = ("etc/yum.repos.d", "etc/dnf/repos.d", "etc/zypp/repos.d")
_LIMIT = 1024 * 1024
"""Bytes of a list of sources that are read."""


def read_sources(files: SystemRoot) -> tuple[Source, ...]:
    """In the order in which their readers go through them. Raises nothing: what cannot be read is none."""
    return (*_apt_sources(files), *_rpm_sources(files))


def read_pins(files: SystemRoot) -> tuple[Pin, ...]:
    """What apt is told to prefer, or to keep out."""
    parts = f"{_APT}/preferences.d"
    paths = [f"{_APT}/preferences", *(f"{parts}/{one}" for one in files.names(parts) if _is_part(one))]
    return tuple(
        Pin(f"/{path}", one.line, one.packages, one.pin, one.priority)
        for path in paths
        for one in parse_preferences(text_of(files, path))
    )


def apt_entries(files: SystemRoot) -> Iterator[tuple[str, AptEntry]]:
    """Every enabled source of binary packages and the file that it stands in, in apt's order."""
    parts = f"{_APT}/sources.list.d"
    names = [one for one in files.names(parts) if one.endswith((".list", ".sources"))]
    for path in (f"{_APT}/sources.list", *(f"{parts}/{one}" for one in names)):
        for one in parse_sources(text_of(files, path), path):
            yield path, one


def text_of(files: SystemRoot, path: str) -> str:
    """What a small file says; nothing where it cannot be read."""
    return (files.read(path, _LIMIT) or b"").decode(errors="replace")


def _apt_sources(files: SystemRoot) -> Iterator[Source]:
    for path, one in apt_entries(files):
        key = one.signed_by if one.signed_by.startswith("/") else ""
        has_key = not key or files.is_file(key)
        yield Source(APT, f"/{path}", one.line, one.uri, one.suite, key, has_key)


def _rpm_sources(files: SystemRoot) -> Iterator[Source]:
    for folder in _RPM:
        for name in files.names(folder):
            path = f"{folder}/{name}"
            for one in parse_repositories(text_of(files, path)) if name.endswith(".repo") else ():
                keys = [key.removeprefix("file://") for key in one.keys if key.startswith("file:///")]
                gone = next((key for key in keys if not files.is_file(key)), "")
                key = gone or next(iter(keys), "")
                yield Source(RPM, f"/{path}", one.line, one.uri, key=key, has_key=not gone)


def _is_part(name: str) -> bool:
    """apt reads files without an ending, or with `.pref` (apt_preferences(5))."""
    return "." not in name or name.endswith(".pref")
